import { LineDecoder } from "../../src/jsonrpc/line_decoder.ts";
import type { Link } from "../../src/link/link.ts";

/** The far end of a {@linkcode Link} that leads nowhere. */
export interface FakeLink {
  readonly link: Link;
  /** What has been written to it, line by line. */
  readonly lines: readonly string[];
  /** The first so many lines, once they have been written. */
  written(count: number): Promise<readonly string[]>;
  /** Sends bytes, or lines of text, to whoever reads. */
  send(...chunks: readonly (string | Uint8Array)[]): void;
  /** Ends the stream, or breaks it with an error. */
  end(error?: Error): void;
  /** Lets writes wait (`true`) or go. */
  stall(stalled: boolean): void;
  /** How often it was closed. */
  readonly closed: number;
}

/**
 * Makes a {@linkcode FakeLink}.
 *
 * @param ending what the link says of its end
 */
export function fakeLink(ending?: string): FakeLink {
  const encoder = new TextEncoder();
  const decoder = new LineDecoder(1 << 30);
  const lines: string[] = [];
  let more = Promise.withResolvers<void>();
  const chunks: (Uint8Array | null | Error)[] = [];
  let reader: (() => void) | undefined;
  let gate: PromiseWithResolvers<void> | undefined;
  let closed = 0;

  function push(chunk: Uint8Array | null | Error): void {
    chunks.push(chunk);
    reader?.();
  }

  const link: Link = {
    name: "fake",
    async read() {
      while (chunks.length === 0) await new Promise<void>((resolve) => reader = resolve);
      const chunk = chunks[0]!;
      if (chunk === null) return null;
      chunks.shift();
      if (chunk instanceof Error) throw chunk;
      return chunk;
    },
    async write(bytes) {
      await gate?.promise;
      if (closed > 0) throw new Error("written after its end");
      for (const line of decoder.push(bytes)) lines.push(new TextDecoder().decode(line as Uint8Array));
      more.resolve();
      more = Promise.withResolvers();
    },
    ...(ending === undefined ? {} : { ending: () => ending }),
    close() {
      closed++;
      push(null);
      return Promise.resolve();
    },
  };

  return {
    link,
    lines,
    async written(count) {
      while (lines.length < count) await more.promise;
      return lines.slice(0, count);
    },
    send(...all) {
      for (const chunk of all) push(typeof chunk === "string" ? encoder.encode(`${chunk}\n`) : chunk);
    },
    end: (error) => push(error ?? null),
    stall(stalled) {
      if (stalled) gate ??= Promise.withResolvers();
      else gate?.resolve(), gate = undefined;
    },
    get closed() {
      return closed;
    },
  };
}
