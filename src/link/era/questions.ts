import { notification } from "../../jsonrpc/answers.ts";
import { edit, textAt } from "../../jsonrpc/edit.ts";
import { type Id, idKey } from "../../jsonrpc/id.ts";
import { Message } from "../../jsonrpc/message.ts";
import { asObject } from "../../mcp/revision.ts";
import type { Receive } from "../peer.ts";
import type { ClientFacts } from "../../mcp/envelope.ts";

/** What {@linkcode answerQuestions} needs. */
export interface QuestionsOptions {
  readonly client: ClientFacts;
  /** The result of the client's `initialize`. */
  readonly shown: Message;
}

/** What came of the questions of one round. */
export type Responses = { readonly responses: string } | { readonly why: string };

/** Puts what a modern server asks for to a legacy client, as requests of the server's. */
export interface Questions {
  /**
   * Asks all of a round at once.
   *
   * @param asked the JSON text of `inputRequests`
   * @param signal aborts when nobody waits for the answers any more: the client is told
   */
  ask(asked: string, receive: Receive, signal: AbortSignal): Promise<Responses>;
  /** Takes an answer of the client's. */
  answered(answer: Message): void;
}

/** The methods that may be asked for (S/2026-07-28/basic/patterns/mrtr), and the capability each needs. */
const NEEDS: Readonly<Record<string, string>> = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
};

let lastElicitation = 0;

/** Makes {@linkcode Questions}. */
export function answerQuestions({ client, shown }: QuestionsOptions): Questions {
  const open = new Map<string, (answer: Message | undefined) => void>();
  const capabilities = asObject(JSON.parse(client.capabilities));
  const revision = String(asObject(shown.parsed("result")).protocolVersion);
  let lastId = 0;

  /** Why the client can't be asked; `undefined` when it can. */
  function obstacle(method: string, params: Readonly<Record<string, unknown>>): string | undefined {
    const need = Object.hasOwn(NEEDS, method) ? NEEDS[method] : undefined;
    if (need === undefined) return `the server asks for ${method.slice(0, 60)}, which no client is asked for`;
    if (capabilities[need] === undefined) {
      return `the server asks for ${method}, and the client has declared no ${need}`;
    }
    if (
      params.mode === "url" &&
      (revision < "2025-11-25" || asObject(capabilities.elicitation).url === undefined)
    ) {
      return "the server asks the user to open a URL, which this client can't show";
    }
    return undefined;
  }

  async function askOne(
    key: string,
    text: string,
    receive: Receive,
    signal: AbortSignal,
  ): Promise<Responses> {
    const { method, params } = asObject(JSON.parse(text));
    const given = asObject(params);
    const why = typeof method === "string"
      ? obstacle(method, given)
      : "the server asks for something without a method";
    if (why !== undefined) return { why };
    const id: Id = `"mcp-connect-question-${++lastId}"`;
    let message = Message.fromText(`{"jsonrpc":"2.0","id":${id},${text.trim().slice(1)}`);
    if (given.mode === "url" && given.elicitationId === undefined) {
      const value = JSON.stringify(`mcp-connect-${++lastElicitation}`);
      message = edit(message, [{ path: ["params", "elicitationId"], value }]);
    }
    const answer = await new Promise<Message | undefined>((resolve) => {
      const gone = () => {
        open.delete(idKey(id));
        void receive(notification("notifications/cancelled", { requestId: JSON.parse(id) }));
        resolve(undefined);
      };
      if (signal.aborted) return resolve(undefined);
      signal.addEventListener("abort", gone, { once: true });
      open.set(idKey(id), (it) => {
        signal.removeEventListener("abort", gone);
        resolve(it);
      });
      void receive(message);
    });
    if (answer === undefined) return { why: "nobody waits for this any more" };
    if (answer.kind === "result") return { responses: `${JSON.stringify(key)}:${answer.textOf("result")}` };
    // There is no place for an error: who was asked to fill in a form has not done so.
    if (method === "elicitation/create") return { responses: `${JSON.stringify(key)}:{"action":"cancel"}` };
    return {
      why: `the client could not answer ${method}: ${String(asObject(answer.parsed("error")).message)}`,
    };
  }

  return {
    async ask(asked, receive, signal) {
      const holder = Message.fromText(`{"jsonrpc":"2.0","id":0,"result":${asked}}`);
      const keys = Object.keys(asObject(holder.parsed("result")));
      const all = await Promise.all(
        keys.map((key) => askOne(key, textAt(holder, ["result", key])!, receive, signal)),
      );
      const failed = all.find((it) => "why" in it);
      if (failed !== undefined) return failed;
      return { responses: `{${all.map((it) => "responses" in it ? it.responses : "").join(",")}}` };
    },
    answered(answer) {
      const key = idKey(answer.id!);
      const take = open.get(key);
      open.delete(key);
      take?.(answer);
    },
  };
}
