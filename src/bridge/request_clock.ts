/**
 * The time a request may still take, as a pure state: it runs, starts anew with progress, and stands still while the
 * server waits for the client; a ceiling holds whatever happens. All times in milliseconds.
 */
export interface RequestClock {
  /** When the request expires. */
  due: number;
  /** The ceiling. */
  readonly latest: number;
  /** Questions of the server that the client has not answered. */
  questions: number;
  /** What was left when the clock stopped. */
  left: number;
}

/** Starts a clock at `now`. */
export function startClock(now: number, limitMs: number, ceilingMs: number): RequestClock {
  const latest = now + ceilingMs;
  return { due: Math.min(now + limitMs, latest), latest, questions: 0, left: limitMs };
}

/** Progress has come: the full limit counts from `now`. */
export function noteProgress(clock: RequestClock, now: number, limitMs: number): void {
  clock.left = limitMs;
  if (clock.questions === 0) clock.due = Math.min(now + limitMs, clock.latest);
}

/** The server asks the client something: the clock stops. */
export function noteQuestion(clock: RequestClock, now: number): void {
  if (clock.questions++ > 0) return;
  clock.left = Math.max(0, clock.due - now);
  clock.due = clock.latest;
}

/** The client has answered: with the last answer the clock goes on. */
export function noteReply(clock: RequestClock, now: number): void {
  if (clock.questions === 0 || --clock.questions > 0) return;
  clock.due = Math.min(now + clock.left, clock.latest);
}
