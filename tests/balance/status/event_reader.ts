/** Reads the data of a `text/event-stream`, event by event. */
export interface EventReader {
  /** The data of the next event; nothing when the stream has ended. */
  next(): Promise<string | undefined>;
  cancel(): Promise<void>;
}

/** Makes an {@linkcode EventReader}. */
export function createEventReader(body: ReadableStream<Uint8Array<ArrayBuffer>>): EventReader {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    async next() {
      while (true) {
        const [event, ...others] = rest.split("\n\n");
        if (others.length > 0) {
          rest = others.join("\n\n");
          const data = /^data: ([^\n]*)$/.exec(event!)?.[1];
          if (data === undefined) throw new Error(`no event: ${event}`);
          return data;
        }
        const { value, done } = await reader.read();
        if (done) return undefined;
        rest += value;
      }
    },
    cancel: () => reader.cancel(),
  };
}
