/**
 * Which user the events of an anonymous session count for. The model keeps every claim with its position in the log,
 * and the claims in log order decide: a session belongs to the first user that claimed it, and a claim that would close
 * a circle does not count. So the owners are a function of the claims alone: without a claim (when its user is
 * forgotten) they are as if nobody had ever made it.
 */

export interface Claim {
  session: number;
  user: number;
  /** Position of the linking event in the log. */
  seq: number;
}

export class Links {
  #claims: Claim[] = [];
  #owners = new Map<number, number>();

  /** Number of the user that the events of `id` count for: itself, unless a user claimed it. */
  root(id: number): number {
    let root = id;
    for (let owner = this.#owners.get(root); owner !== undefined; owner = this.#owners.get(root)) root = owner;
    return root;
  }

  get size(): number {
    return this.#claims.length;
  }

  get claims(): readonly Claim[] {
    return this.#claims;
  }

  /** Whether any claim names this id. */
  mentions(id: number): boolean {
    return this.#claims.some((claim) => claim.session === id || claim.user === id);
  }

  /**
   * Adds a claim. 'moved': the session's events now count for its user; 'idle': the claim is known, or an earlier claim
   * is in force; a map: the claim came out of order, and these were the owners before.
   */
  add(claim: Claim): 'moved' | 'idle' | Map<number, number> {
    const newest = this.#claims.at(-1);
    if (newest !== undefined && newest.seq >= claim.seq) {
      if (this.#claims.some((known) => known.seq === claim.seq)) return 'idle';
      this.#claims.push(claim);
      return this.#resolve();
    }
    this.#claims.push(claim);
    if (!this.#counts(claim)) return 'idle';
    this.#owners.set(claim.session, claim.user);
    return 'moved';
  }

  /** Removes claims. Returns the owners as they were before; undefined: no claim matched. */
  drop(which: (claim: Claim) => boolean): Map<number, number> | undefined {
    const kept = this.#claims.filter((claim) => !which(claim));
    if (kept.length === this.#claims.length) return undefined;
    this.#claims = kept;
    return this.#resolve();
  }

  /** Gives a session another number. */
  renumber(session: number, to: number): void {
    this.#claims = this.#claims.map((claim) => (claim.session === session ? { ...claim, session: to } : claim));
    const owner = this.#owners.get(session);
    if (owner === undefined) return;
    this.#owners.delete(session);
    this.#owners.set(to, owner);
  }

  /** Ids whose owner is another one than in `before`. */
  changedSince(before: ReadonlyMap<number, number>): Set<number> {
    const changed = new Set<number>();
    for (const id of before.keys()) if (before.get(id) !== this.#owners.get(id)) changed.add(id);
    for (const id of this.#owners.keys()) if (before.get(id) !== this.#owners.get(id)) changed.add(id);
    return changed;
  }

  #counts(claim: Claim): boolean {
    return !this.#owners.has(claim.session) && this.root(claim.user) !== claim.session;
  }

  #resolve(): Map<number, number> {
    const before = this.#owners;
    this.#owners = new Map();
    this.#claims.sort((a, b) => a.seq - b.seq);
    for (const claim of this.#claims) if (this.#counts(claim)) this.#owners.set(claim.session, claim.user);
    return before;
  }
}

/** As {@link Links.root}, by earlier owners. */
export function rootBy(owners: ReadonlyMap<number, number>, id: number): number {
  let root = id;
  for (let owner = owners.get(root); owner !== undefined; owner = owners.get(root)) root = owner;
  return root;
}
