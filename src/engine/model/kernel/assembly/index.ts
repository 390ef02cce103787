/** What TypeScript calls (kernel.ts). */
export { alloc, grow, limitBytes, release, usedBytes } from './memory';
export { addSimilarity, scoreVectors, sumVectors } from './content';
export { addPairs, addVotes, makeFeatures } from './features';
export { average, foldGates, gradientOf, scoreRows, softmax, stepAdam } from './ranker';
export { addCounts, addLargeCounts, fillRow, newRows, readCounts, visitRow } from './rows';
export {
  addItemValues,
  addOverlapVotes,
  beginSearch,
  blockAll,
  chooseContent,
  chooseNeighbours,
  choosePairs,
  choosePopular,
  chooseScored,
  dampingOf,
  findFew,
  foundCount,
  gatherNeighbours,
  gatherPairs,
  gatherTerm,
  isFree,
  newDamping,
  newSearch,
  placeColumns,
  topCount,
  topItems,
} from './search';
export { countAround, countPairs, newCounting } from './statistics';
export { newIdPrefixes, reserveIdPrefixes } from './top';
