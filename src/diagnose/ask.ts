import { notification, request } from "../jsonrpc/answers.ts";
import type { Message } from "../jsonrpc/message.ts";
import type { Exchange, Outcome, Peer, Receive } from "../link/peer.ts";
import { pause } from "../link/pause.ts";
import { asObject } from "../mcp/revision.ts";
import type { Problem } from "./report.ts";

/** A server's answer, or why there is none. */
export type Reply =
  | { readonly result: Readonly<Record<string, unknown>>; readonly message: Message }
  | { readonly problem: Problem };

/** Waits for the outcome; the request is given up after that time, which makes it `cancelled`. */
export async function outcomeWithin(
  exchange: Exchange,
  withinMs: number,
  notice?: Message,
): Promise<Outcome> {
  const over = new AbortController();
  void pause(withinMs, over.signal).then((late) => late && exchange.cancel(notice));
  const outcome = await exchange.outcome;
  over.abort();
  return outcome;
}

/**
 * Makes a function that sends a request and waits for its answer at most `timeoutMs`.
 *
 * @param receive takes what arrives on the request's behalf
 * @param ended told how each request ended
 */
export function asker(
  peer: Peer,
  timeoutMs: number,
  receive: Receive,
  ended: (method: string, outcome: Outcome) => void = () => {},
) {
  let lastId = 0;
  return async (method: string, params?: unknown): Promise<Reply> => {
    const id = String(++lastId);
    const exchange = peer.request(request(id, method, params), { receive, probe: method === "ping" });
    // `initialize` must not be cancelled (MCP 2025-11-25, basic/utilities/cancellation).
    const notice = method === "initialize"
      ? undefined
      : notification("notifications/cancelled", { requestId: Number(id) });
    const outcome = await outcomeWithin(exchange, timeoutMs, notice);
    ended(method, outcome);
    switch (outcome.kind) {
      case "answered":
        return readAnswer(method, outcome.message);
      case "cancelled":
        return { problem: timedOut(method, timeoutMs) };
      default: {
        const { code, message, hint, status } = outcome.failure;
        const said = "answer" in outcome && outcome.answer !== undefined
          ? errorText(outcome.answer)
          : undefined;
        // The failure would show the body that the error stands in.
        const refused = said !== undefined && outcome.kind === "refused" && status !== undefined;
        return {
          problem: {
            step: method,
            code,
            message: said === undefined
              ? message
              : refused
              ? `the server refused the request (HTTP ${status}): ${said}`
              : `${message}; it says: ${said}`,
            hint: hint ?? null,
            status: status ?? null,
          },
        };
      }
    }
  };
}

function timedOut(step: string, timeoutMs: number): Problem {
  return {
    step,
    code: step === "initialize" ? "CONNECT_TIMEOUT" : "REQUEST_TIMEOUT",
    message: `no answer within ${timeoutMs / 1000} s`,
    hint: "is this the right endpoint? A slow server may need a longer --timeout",
    status: null,
  };
}

/** What to do about an error in answer to `initialize`. */
const REFUSED = "see the server's log: it may want other credentials, or another revision of the protocol";

function readAnswer(step: string, message: Message): Reply {
  const problem = (code: string, text: string, hint: string | null): Reply => ({
    problem: { step, code, message: text, hint, status: null },
  });
  if (message.kind === "error") {
    return problem("ERROR_ANSWER", errorText(message), step === "initialize" ? REFUSED : null);
  }
  const result = message.parsed("result");
  if (typeof result !== "object" || result === null || Array.isArray(result)) {
    return problem("BAD_ANSWER", "the result is not an object", "the server breaks the protocol here");
  }
  return { result: asObject(result), message };
}

/** What a JSON-RPC error says. */
function errorText(answer: Message): string {
  const { code, message } = asObject(answer.parsed("error"));
  const text = typeof message === "string" ? message : "(no message)";
  return `error ${JSON.stringify(code)?.slice(0, 40)}: ${text.slice(0, 500)}`;
}
