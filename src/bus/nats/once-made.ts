/** What is made at the first call and given to all later ones; where making it failed, the next call tries again. */
export function onceMade<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    if (made) return made;
    const current = make();
    made = current;
    current.catch(() => {
      made = undefined;
    });
    return current;
  };
}
