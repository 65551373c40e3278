/** One program, and the HTTP requests whose messages go through its stdin and stdout. */
import { type Program, type ProgramOptions, startProgram } from "../../support/program.ts";
import { isRequest, isResponse, type WireMessage } from "../../support/wire_message.ts";
import { statusOf } from "../http_rules.ts";
import { ownerOf } from "./owner.ts";
import { EVENT_HEADERS, openEvents, openReply, type Reply } from "./reply.ts";

/** A request that went through the program, and what became of it. */
export interface Carried {
  readonly method: string;
  /** The tool, prompt or resource. */
  readonly name: string | undefined;
  /** A result, the code of an error, or none. */
  answer: "result" | number | undefined;
}

export interface SessionOptions {
  readonly era: "legacy" | "modern";
  /** The program's arguments. */
  readonly args: readonly string[];
  /** What is started instead of the program. */
  readonly entry?: ProgramOptions["entry"];
  /** Told of every request. */
  readonly carried: (request: Carried) => void;
}

export interface Session {
  /** Carries one message in, and what belongs to it out. */
  post(
    message: WireMessage,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response>;
  /** The stream of what belongs to no request. */
  get(): Response;
  /** All that the program wrote to stderr. */
  stderr(): string;
  /** Ends the program as a client does; throws when its stdout carried something else than messages. */
  close(): Promise<void>;
}

interface InFlight {
  readonly message: WireMessage;
  readonly reply: Reply;
  readonly carried: Carried;
}

/** Starts a program. */
export function openSession({ era, args, entry, carried }: SessionOptions): Session {
  const inFlight = new Map<WireMessage["id"], InFlight>();
  let aside: ReturnType<typeof openEvents> | undefined;

  function receive(message: WireMessage): void {
    if (isResponse(message)) {
      const request = inFlight.get(message.id);
      if (request === undefined) return;
      inFlight.delete(message.id);
      request.carried.answer = message.error?.code ?? "result";
      request.reply.finish(message);
      return;
    }
    const owner = ownerOf(message, [...inFlight.values()].map((it) => it.message));
    if (owner === undefined) aside?.send(message);
    else inFlight.get(owner.id)?.reply.send(message);
  }

  const program: Program = startProgram(args, {
    ...(entry === undefined ? {} : { entry }),
    trace: (direction, message) => direction === "received" && receive(message),
  });
  program.status.then(() => {
    for (const { reply } of inFlight.values()) reply.abandon();
    inFlight.clear();
  });

  /** In the modern era a closed stream cancels the request; in the legacy one it says nothing. */
  function gone(id: WireMessage["id"]): void {
    inFlight.delete(id);
    if (era === "legacy" || program.ended()) return;
    program.notify("notifications/cancelled", { requestId: id }).catch(() => {});
  }

  return {
    async post(message, headers, signal) {
      if (!isRequest(message)) {
        await program.send(message);
        return new Response(null, { status: 202, headers });
      }
      const entry: Carried = {
        method: message.method!,
        name: message.params?.name ?? message.params?.uri,
        answer: undefined,
      };
      carried(entry);
      const reply = openReply({
        headers,
        signal,
        gone: () => gone(message.id),
        ...(era === "modern" ? { statusOf } : {}),
      });
      inFlight.set(message.id, { message, reply, carried: entry });
      program.send(message).catch(() => reply.abandon());
      return await reply.response;
    },
    get() {
      aside?.close();
      const events = openEvents(() => {
        if (aside === events) aside = undefined;
      });
      aside = events;
      return new Response(events.body, { headers: EVENT_HEADERS });
    },
    stderr: program.stderr,
    async close() {
      aside?.close();
      await program[Symbol.asyncDispose]();
    },
  };
}
