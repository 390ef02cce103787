/** Makes a value at the first call and returns it to all later calls. After a failure the next call tries again. */
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
