/** The kinds of Deno's permissions that the program ever needs. */
export type NeedKind = "net" | "read" | "write" | "env" | "run" | "ffi";

/** Something that Deno has to permit for a use of the program, and what for. */
export interface Need {
  readonly kind: NeedKind;
  /** What of its kind, as the flag takes it; absent: all of it. */
  readonly value?: string;
  /** What it is for. */
  readonly reason: string;
  /** What comes of it without. */
  readonly without: string;
  /**
   * - `needed`: without it the job can't be done, and an error names the flag.
   * - `comfort`: without it the job is done all the same, with a difference.
   * - `extra`: it is not among the flags, as it opens more than it is worth to most.
   */
  readonly weight: "needed" | "comfort" | "extra";
}
