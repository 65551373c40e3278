/** The error codes that JSON-RPC 2.0 defines (section 5.1). */
export const ErrorCode = {
  /** The text is not JSON. */
  ParseError: -32700,
  /** The JSON is not a JSON-RPC message. */
  InvalidRequest: -32600,
  MethodNotFound: -32601,
  InvalidParams: -32602,
  InternalError: -32603,
} as const;
