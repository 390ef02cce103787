export { alloc, grow, release } from './memory';
export { addPairs, addVotes, makeFeatures } from './features';
export { average, foldGates, gradientOf, scoreRows, softmax, stepAdam } from './ranker';
export { addCounts, addLargeCounts, fillRow, newRows, readCounts, readRow, visitRow } from './rows';
export {
  beginSearch,
  blockAll,
  chooseNeighbours,
  choosePairs,
  dampingOf,
  foundCount,
  gatherNeighbours,
  gatherPairs,
  isFree,
  newDamping,
  newSearch,
  placeColumns,
  topCount,
  topItems,
} from './search';
export { countAround, countPairs, newCounting } from './statistics';
export { newIdPrefixes, reserveIdPrefixes } from './top';
