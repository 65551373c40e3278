/** A list that a server offers: how it is asked for, what the answer holds, and how a change is announced. */
export interface ServerList {
  /** The member of the result that holds the elements. */
  readonly member: string;
  /** The capability that offers it. */
  readonly capability: string;
  /** The notification that says it has changed. */
  readonly changed: string;
}

/** The lists of all revisions, by method (S/2025-11-25/server). */
export const SERVER_LISTS: Readonly<Record<string, ServerList>> = {
  "tools/list": { member: "tools", capability: "tools", changed: "notifications/tools/list_changed" },
  "resources/list": {
    member: "resources",
    capability: "resources",
    changed: "notifications/resources/list_changed",
  },
  "resources/templates/list": {
    member: "resourceTemplates",
    capability: "resources",
    changed: "notifications/resources/list_changed",
  },
  "prompts/list": { member: "prompts", capability: "prompts", changed: "notifications/prompts/list_changed" },
};
