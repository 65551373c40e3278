import { changeElements, edit, textAt } from "../../jsonrpc/edit.ts";
import { Message } from "../../jsonrpc/message.ts";
import { type HeaderParam, readHeaderParams } from "../../mcp/mcp_headers.ts";
import { asObject } from "../../mcp/revision.ts";
import { legacyOutputSchema } from "../../mcp/structured_output.ts";
import type { Logger } from "../../telemetry/logger.ts";

/** What {@linkcode createToolBook} needs. */
export interface ToolBookOptions {
  /** Arguments are mirrored into headers: tools that say wrongly which ones are left out. */
  readonly mirrored: boolean;
  /**
   * The client is of the modern era too, and reads what tools give as it is.
   * @default false
   */
  readonly asIs?: boolean;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** What is known of a modern server's tools, as far as they have been listed. */
export interface ToolBook {
  /**
   * Takes note of a page of `tools/list`.
   *
   * @param first it is the first page: what was known before is forgotten
   * @returns the page as the client reads it
   */
  take(page: Message, first: boolean): Message;
  /** Which arguments of a tool are mirrored into headers. */
  paramsOf(tool: string): readonly HeaderParam[];
  /** Whether the client was shown another output schema than the tool's own. */
  isWrapped(tool: string): boolean;
}

/** Makes a {@linkcode ToolBook}. */
export function createToolBook({ mirrored, asIs = false, endpoint, logger }: ToolBookOptions): ToolBook {
  const params = new Map<string, readonly HeaderParam[]>();
  const wrapped = new Set<string>();
  /** Tools whose fault has been told. */
  const told = new Set<string>();

  /** What is wrong with a tool's annotations, if anything; takes note of those that are valid. */
  function faultOf(name: string, inputSchema: unknown): string | undefined {
    const found = readHeaderParams(inputSchema);
    if ("invalid" in found) return found.invalid;
    if (found.length > 0) params.set(name, found);
    return undefined;
  }

  function leaveOut(name: string, fault: string): undefined {
    if (told.has(name)) return;
    told.add(name);
    logger.warn(`the tool ${JSON.stringify(name.slice(0, 200))} is left out: ${fault}`, { endpoint });
  }

  function shownTool(text: string): string | undefined {
    // Most have neither.
    const annotated = mirrored && text.includes("x-mcp-header");
    const output = !asIs && text.includes('"outputSchema"');
    if (!annotated && !output) return text;
    const { name: given, inputSchema } = asObject(JSON.parse(text));
    const name = String(given);
    const fault = annotated ? faultOf(name, inputSchema) : undefined;
    if (fault !== undefined) return leaveOut(name, fault);
    if (!output) return text;
    const holder = Message.fromText(`{"jsonrpc":"2.0","id":0,"result":${text}}`);
    const path = ["result", "outputSchema"];
    const schema = textAt(holder, path);
    if (!schema?.startsWith("{")) return text;
    const value = legacyOutputSchema(schema);
    if (value === schema) return text;
    wrapped.add(name);
    return edit(holder, [{ path, value }]).textOf("result");
  }

  return {
    take(page, first) {
      if (first) {
        params.clear();
        wrapped.clear();
      }
      return changeElements(page, ["result", "tools"], shownTool);
    },
    paramsOf: (tool) => params.get(tool) ?? [],
    isWrapped: (tool) => wrapped.has(tool),
  };
}
