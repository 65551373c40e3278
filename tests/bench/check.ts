/** Before anything is measured: does a subject really work against the server? */
import { ECHO_TEXT, echoText, PAYLOAD_BYTES, payloadOf, payloadText, requestText } from "./messages.ts";
import { withSession } from "./measures.ts";
import type { Subject } from "./subjects.ts";

/** The part of an answer that is looked at. */
interface Answer {
  id: number;
  result?: { tools?: { name: string }[]; content?: { text: string }[] };
}

/**
 * Plays a short session and compares the answers with what the server gave.
 * @throws {Error} at the first that is wrong
 */
export async function checkSubject(subject: Subject, url: string): Promise<void> {
  await withSession(subject, url, 60_000, async (session) => {
    const ask = async (id: number, text: string): Promise<Answer> => {
      const answer: Answer = JSON.parse(await session.ask(text));
      expect(answer.id === id, "an answer has another request's id");
      return answer;
    };
    const tools = (await ask(11, requestText(11, "tools/list", {}))).result?.tools;
    expect(tools?.[0]?.name === "echo", "tools/list lacks the tool");
    const echoed = (await ask(12, echoText(12))).result?.content?.[0]?.text;
    expect(echoed === ECHO_TEXT, "echo gave another text");
    for (const [i, bytes] of Object.values(PAYLOAD_BYTES).entries()) {
      const text = (await ask(13 + i, payloadText(13 + i, bytes))).result?.content?.[0]?.text;
      expect(text === payloadOf(bytes), `the result of ${bytes} bytes is not what the server sent`);
    }
    const { calls } = await session.flood((id) => echoText(id + 100), 8, { calls: 100 });
    expect(calls === 100, "there are more answers than calls");
  });
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
