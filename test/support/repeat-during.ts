/** Does something again and again while other work runs, at least once, and gives what each time gave. */
export async function repeatDuring<T>(again: () => Promise<T>, work: () => Promise<void>): Promise<T[]> {
  let isOver = false;
  const repeat = async () => {
    const results = [];
    do results.push(await again());
    while (!isOver);
    return results;
  };
  const results = repeat();
  await work();
  isOver = true;
  return results;
}
