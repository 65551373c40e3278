import { neutralise } from "../../telemetry/neutralise.ts";

/** What the texts of a sign-in tell. */
export interface SignInFacts {
  /** The server, as the person knows it. */
  readonly server: string;
  /** The address to sign in at; checked. */
  readonly url: string;
  /** The port we wait at, where the browser comes straight to it. */
  readonly port: number | undefined;
  /** Where the browser comes back to. */
  readonly redirectUri: string;
  /** Whether an answer can be pasted. */
  readonly paste: boolean;
}

/** What is said while the browser is opened. */
export function openingText({ server, url }: SignInFacts): string {
  return `Sign in to ${
    neutralise(server)
  } in the browser tab that opens now. If none does, open this address:\n\n  ${url}\n`;
}

/** What is said when it could not be opened. */
export function notOpenedText(facts: SignInFacts, why: string): string {
  return [`No browser was opened (${neutralise(why)}). Open the address above yourself.`, ...elsewhere(facts)]
    .join("\n");
}

/**
 * What is said where no browser is opened.
 *
 * @param why why not, where the user may wonder
 */
export function printText(facts: SignInFacts, why?: string): string {
  const reason = why === undefined ? "" : ` (none opens by itself: ${neutralise(why)})`;
  const start = `To sign in to ${
    neutralise(facts.server)
  }, open this address in a browser${reason}:\n\n  ${facts.url}\n`;
  return [start, ...elsewhere(facts)].join("\n");
}

/** What is said of the device code. */
export function codeText(
  code: {
    readonly userCode: string;
    readonly url: string;
    readonly completeUrl?: string;
    readonly minutes: number;
  },
  server: string,
): string {
  const lines = [
    `To sign in to ${neutralise(server)}, open this address on any device, and enter the code ${
      neutralise(code.userCode)
    }:`,
    "",
    `  ${code.url}`,
    "",
  ];
  if (code.completeUrl !== undefined && code.completeUrl !== code.url) {
    lines.push(
      "Or open this one, which holds the code already; compare it before you agree:",
      "",
      `  ${code.completeUrl}`,
      "",
    );
  }
  lines.push(
    code.minutes > 1 ? `The code is good for ${code.minutes} minutes.` : "The code is good for a minute.",
  );
  return lines.join("\n");
}

/** What is said of pasted text that is no answer to this sign-in. */
export function pastedText(kind: "question" | "other" | "unexpected", redirectUri: string): string {
  switch (kind) {
    case "question":
      return "That is the address to sign in at. Paste the one that the browser shows afterwards.";
    case "other":
      return `That is no answer. Paste the whole address that the browser ends up at; it begins with ${redirectUri}`;
    case "unexpected":
      return "That answer belongs to another sign-in. Open the address above, and paste where that one ends up.";
  }
}

function elsewhere({ port, redirectUri, paste }: SignInFacts): string[] {
  const lines: string[] = [];
  if (port !== undefined) {
    lines.push(
      "If that browser is on another machine, let it reach this one first; run there:",
      "",
      `  ssh -L ${port}:127.0.0.1:${port} HOST`,
      "",
    );
  }
  if (paste) {
    lines.push(
      `Or paste here the address that the browser ends up at, even if it shows an error; it begins with ${redirectUri}`,
    );
  }
  return lines;
}
