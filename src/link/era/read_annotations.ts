import { filterElements } from "../../jsonrpc/edit.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { type HeaderParam, readHeaderParams } from "../../mcp/mcp_headers.ts";
import { asObject } from "../../mcp/revision.ts";

/**
 * Reads which arguments are mirrored into headers of the tools on a page of `tools/list`. Tools without such are not listed.
 *
 * @param invalid told of tools whose annotations are not valid
 */
export function readAnnotations(
  page: Message,
  invalid: (tool: string, why: string) => void,
): [name: string, params: readonly HeaderParam[]][] {
  const found: [string, readonly HeaderParam[]][] = [];
  filterElements(page, ["result", "tools"], (text) => {
    if (!text.includes("x-mcp-header")) return true;
    const { name, inputSchema } = asObject(JSON.parse(text));
    if (typeof name !== "string") return true;
    const params = readHeaderParams(inputSchema);
    if ("invalid" in params) invalid(name, params.invalid);
    else if (params.length > 0) found.push([name, params]);
    return true;
  });
  return found;
}
