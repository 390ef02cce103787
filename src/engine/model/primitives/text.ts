/** The form of a text in which the model compares texts, and its words: the same for every Node that folds. */
import { CAPITAL_RANGES, changePieces, isCapital, WORD_RANGES } from '../../../bus/event/unicode.ts';

const ASCII = /^[\0-\x7f]*$/;
const WORD = new RegExp(`[${WORD_RANGES}]+`, 'gu');
const NOT_WORD = new RegExp(`[^${WORD_RANGES}]`, 'u');
const CAPITALS = new RegExp(`[${CAPITAL_RANGES}]+`, 'gu');
/** Platforms decide by neighbours which sigma is final, and versions of Unicode differ in which neighbours count. */
const FINAL_SIGMA = new RegExp(`Σ(?<=[${WORD_RANGES}]Σ)(?![${WORD_RANGES}])`, 'gu');
/** What `trim` removes, after NFKC: a list, as later versions of Unicode may add to it. */
const SPACES = '\t\n\v\f\r \u1680\u2028\u2029\ufeff';

/** A text in NFKC and lower case, without white space at its ends. */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase().trim();
  return trim(changePieces(text, (piece) => lower(piece.normalize('NFKC'))));
}

/** The words of a text that {@link foldText} returned: runs of letters and numbers. */
export function wordsOf(folded: string): readonly string[] {
  return folded.match(WORD) ?? [];
}

/** Whether a text that {@link foldText} returned is more than one word. */
export function hasMoreThanAWord(folded: string): boolean {
  return NOT_WORD.test(folded);
}

/** Only capitals of the table become lower case: a later version of Unicode may give other characters a lower case. */
function lower(piece: string): string {
  const sigmas = piece.includes('Σ') ? piece.replace(FINAL_SIGMA, 'ς').replaceAll('Σ', 'σ') : piece;
  const lowered = sigmas.toLowerCase();
  if (onlyCapitalsDiffer(sigmas, lowered)) return lowered;
  return sigmas.replace(CAPITALS, (capitals) => capitals.toLowerCase());
}

/** Capitals outside of the BMP, or with a lower case of another length, do not count: the answer is then false. */
function onlyCapitalsDiffer(text: string, lowered: string): boolean {
  if (text.length !== lowered.length) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit !== lowered.charCodeAt(i) && !isCapital(unit)) return false;
  }
  return true;
}

function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACES.includes(text[start]!)) start++;
  while (end > start && SPACES.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}
