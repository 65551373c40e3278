/** Lets what is under way go on, turn by turn, until `holds` is true. Fails after some seconds. */
export async function until(holds: () => boolean, ms = 5000): Promise<void> {
  for (const start = performance.now(); !holds();) {
    if (performance.now() - start > ms) throw new Error(`it did not come true: ${holds}`);
    await turn();
  }
}

/** Lets everything happen that waits for nothing. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
