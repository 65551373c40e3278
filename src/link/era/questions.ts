import { notification } from "../../jsonrpc/answers.ts";
import { type Id, idKey } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import type { ClientFacts } from "../../mcp/envelope.ts";
import { type InputRequest, legacyRequest, obstacleTo, readInputRequests } from "../../mcp/input_requests.ts";
import { asObject } from "../../mcp/revision.ts";
import type { Receive } from "../peer.ts";

/** What {@linkcode answerQuestions} needs. */
export interface QuestionsOptions {
  readonly client: ClientFacts;
  /** The revision that the client speaks. */
  readonly revision: string;
  /** Makes an id that no other question ever has. */
  readonly newId: () => Id;
}

/** What came of the questions of one round: the text of `inputResponses`, or why there is none. */
export type Responses = { readonly responses: string } | { readonly why: string };

/** Puts what a modern server asks for to a legacy client, as requests of the server's. */
export interface Questions {
  /**
   * Asks all of a round at once, or nothing when the client can't answer all of it.
   *
   * @param asked the JSON text of `inputRequests`
   * @param signal aborts when nobody waits for the answers any more: the client is told
   */
  ask(asked: string, receive: Receive, signal: AbortSignal): Promise<Responses>;
  /** Takes an answer of the client's. */
  answered(answer: Message): void;
}

/** Makes {@linkcode Questions}. */
export function answerQuestions({ client, revision, newId }: QuestionsOptions): Questions {
  const open = new Map<string, (answer: Message) => void>();
  const capabilities = asObject(JSON.parse(client.capabilities));

  /** The client's answer; `undefined` when nobody waits for it any more. */
  function put(message: Message, receive: Receive, signal: AbortSignal): Promise<Message | undefined> {
    const id = message.id!;
    return new Promise((resolve) => {
      const gone = () => {
        open.delete(idKey(id));
        void receive(notification("notifications/cancelled", { requestId: JSON.parse(id) }));
        resolve(undefined);
      };
      signal.addEventListener("abort", gone, { once: true });
      open.set(idKey(id), (answer) => {
        signal.removeEventListener("abort", gone);
        resolve(answer);
      });
      void receive(message);
    });
  }

  async function askOne(
    it: InputRequest,
    message: Message,
    receive: Receive,
    signal: AbortSignal,
  ): Promise<Responses> {
    const answer = await put(message, receive, signal);
    if (answer === undefined) return { why: "nobody waits for this any more" };
    if (answer.kind === "result") return { responses: `${it.key}:${answer.textOf("result")}` };
    // There is no place for an error: who was asked to fill in a form has not done so.
    if (it.method === "elicitation/create") return { responses: `${it.key}:{"action":"cancel"}` };
    const said = String(asObject(answer.parsed("error")).message).slice(0, 300);
    return { why: `the client could not answer ${it.method}: ${said}` };
  }

  return {
    async ask(asked, receive, signal) {
      const requests = readInputRequests(asked);
      if ("why" in requests) return requests;
      const messages: Message[] = [];
      for (const it of requests) {
        const why = obstacleTo(it, capabilities, revision);
        if (why !== undefined) return { why };
        const message = legacyRequest(it, newId());
        if (message === undefined) return { why: `the server's ${it.method} is no valid request` };
        messages.push(message);
      }
      if (signal.aborted) return { why: "nobody waits for this any more" };
      // One that fails ends the others.
      const failed = new AbortController();
      const stop = AbortSignal.any([signal, failed.signal]);
      const all = await Promise.all(requests.map(async (it, i) => {
        const got = await askOne(it, messages[i]!, receive, stop);
        if ("why" in got && !stop.aborted) failed.abort(got);
        return got;
      }));
      if (failed.signal.aborted) return failed.signal.reason;
      return all.find((it) => "why" in it) ??
        { responses: `{${all.map((it) => "responses" in it ? it.responses : "").join(",")}}` };
    },
    answered(answer) {
      const key = idKey(answer.id!);
      const take = open.get(key);
      open.delete(key);
      take?.(answer);
    },
  };
}
