import { type Failure, failure } from "./failure.ts";
export function explainLink(error: unknown, endpoint: string, _timeoutMs: number): Failure {
  return failure("UNREACHABLE", endpoint, String(error));
}
