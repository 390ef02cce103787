/** A tree of the project whose speed is measured: this one, or a checkout of another revision. */

export interface Tree {
  /** `ref` or `new`. */
  name: 'ref' | 'new';
  /** Folder of the checkout, set up. */
  root: string;
  /** Full hash of the commit; undefined if the tree is in no git repository. */
  commit: string | undefined;
  /** Whether files differ from the commit. */
  changed: boolean;
}

/** `16cd1da`, or `16cd1da with changes`. */
export const titleOf = ({ commit, changed }: Tree): string =>
  `${commit?.slice(0, 7) ?? 'no commit'}${changed ? ' with changes' : ''}`;
