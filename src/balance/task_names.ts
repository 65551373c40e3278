import { changeElements, edit, textAt } from "../jsonrpc/edit.ts";
import { textFinder } from "../jsonrpc/includes.ts";
import { Message } from "../jsonrpc/message.ts";

const holdsTask = textFinder('"taskId"');

/** What belongs to a task says so there (S/2025-11-25/basic/utilities/tasks, Related Task Metadata). */
const RELATED = "io.modelcontextprotocol/related-task";
const IN_PARAMS = [["params", "_meta", RELATED, "taskId"]];
const IN_STATUS = [["params", "taskId"], ...IN_PARAMS];
const IN_RESULT = [["result", "_meta", RELATED, "taskId"]];
const IN_ANSWER = [["result", "taskId"], ["result", "task", "taskId"], ...IN_RESULT];

/**
 * Returns an answer of an upstream's with other names of the tasks in it.
 *
 * @param rename takes and returns JSON texts
 */
export function renameTasksInAnswer(
  method: string,
  answer: Message,
  rename: (text: string) => string,
): Message {
  const tells = method === "tools/call" || method.startsWith("tasks/");
  if (!tells || !holdsTask(answer.bytes)) return answer;
  const own = renamed(answer, IN_ANSWER, rename);
  if (method !== "tasks/list") return own;
  return changeElements(own, ["result", "tasks"], (text) => {
    if (!text.startsWith("{")) return text;
    const task = Message.fromText(`{"jsonrpc":"2.0","method":"","params":${text}}`);
    return renamed(task, [["params", "taskId"]], rename).textOf("params")!;
  });
}

/** The same for what an upstream says or asks unasked, and what the client answers to that. */
export function renameTasksIn(message: Message, rename: (text: string) => string): Message {
  if (!holdsTask(message.bytes)) return message;
  const paths = message.isAnswer
    ? IN_RESULT
    : message.method === "notifications/tasks/status"
    ? IN_STATUS
    : IN_PARAMS;
  return renamed(message, paths, rename);
}

/** The name that the client gives to a task of its own, in place of an answer or where it tells of it. */
export function clientTaskIn(message: Message): string | undefined {
  const path = message.isAnswer
    ? ["result", "task", "taskId"]
    : message.method === "notifications/tasks/status"
    ? ["params", "taskId"]
    : undefined;
  return path === undefined || !holdsTask(message.bytes) ? undefined : textAt(message, path);
}

function renamed(
  message: Message,
  paths: readonly (readonly string[])[],
  rename: (text: string) => string,
): Message {
  const edits = paths.flatMap((path) => {
    const text = textAt(message, path);
    const own = text === undefined ? undefined : rename(text);
    return own === undefined || own === text ? [] : [{ path, value: own }];
  });
  return edits.length === 0 ? message : edit(message, edits);
}
