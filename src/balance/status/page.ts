import { PAGE_SCRIPT } from "./page_script.ts";
import { PAGE_STYLE } from "./page_style.ts";

/** The page as it is sent. */
export interface StatusPage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Makes the page for people. Nothing of the pool is in it: its script asks for that, and sets it as text alone. The policy
 * lets no other script run, nor this one load anything from elsewhere or turn text into HTML.
 */
export async function renderPage(version: string): Promise<StatusPage> {
  return {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": [
        "default-src 'none'",
        `script-src '${await hash(PAGE_SCRIPT)}'`,
        `style-src '${await hash(PAGE_STYLE)}'`,
        "connect-src 'self'",
        // The icon of the tab.
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ].join("; "),
      "X-Frame-Options": "DENY",
      "Cross-Origin-Opener-Policy": "same-origin",
    },
    body: html(version),
  };
}

/** What allows one inline script or style, and no other. */
async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}

function html(version: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>mcp-connect</title>
<link rel="icon" id="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body data-tone="calm">
<header>
<div class="who">
<svg class="sign" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
<circle class="disc" cx="32" cy="32" r="30"/>
<path class="stroke for-good" d="M20 33l8.5 8.5L45 24.5"/>
<path class="stroke for-warn" d="M32 19v16M32 43.5v.5"/>
<path class="stroke for-bad" d="M22.5 22.5l19 19M41.5 22.5l-19 19"/>
<path class="stroke for-calm" d="M20.5 32h.5M32 32h.5M43.5 32h.5"/>
</svg>
<div>
<h1 id="headline">Waiting for the program</h1>
<p id="about">mcp-connect ${version}</p>
</div>
</div>
<p id="connection" class="pill" data-tone="calm"><span class="pulse" aria-hidden="true"></span><span id="connection-word">connecting</span></p>
</header>
<p id="notice" hidden></p>
<noscript><p class="notice">This page needs its script. <a href="status.json">status.json</a> and <a href="metrics">metrics</a> tell the same without one.</p></noscript>
<main>
<section aria-labelledby="totals-title">
<h2 id="totals-title" class="unseen">Totals</h2>
<dl class="tiles">
<div><dt>Requests per second</dt><dd id="total-rate">–</dd></div>
<div><dt>In flight</dt><dd id="total-in-flight">–</dd></div>
<div><dt>Requests</dt><dd id="total-requests">–</dd></div>
<div><dt>Failed</dt><dd id="total-failed">–</dd></div>
<div><dt>Of the failed, moved</dt><dd id="total-moved">–</dd></div>
</dl>
</section>
<section class="card" aria-labelledby="upstreams-title">
<h2 id="upstreams-title">Upstreams</h2>
<div class="scroll" role="region" aria-labelledby="upstreams-title" tabindex="0">
<table role="table">
<thead role="rowgroup"><tr role="row">${
    COLUMNS.map(([name, title]) =>
      `<th role="columnheader" scope="col"${title === "" ? "" : ` title="${title}"`}>${name}</th>`
    ).join("")
  }</tr></thead>
<tbody role="rowgroup" id="upstreams"></tbody>
</table>
</div>
<p id="no-upstreams" class="soft" hidden>There are none.</p>
</section>
<div class="charts">
${figure("rate", "Requests per second")}
${figure("p95", "Answer time, p95")}
</div>
<section class="card" aria-labelledby="changes-title">
<h2 id="changes-title">What has changed</h2>
<ol id="changes" role="log" aria-live="polite" aria-relevant="additions" aria-labelledby="changes-title"></ol>
<p id="no-changes" class="soft">Nothing yet since this page was opened.</p>
</section>
</main>
<footer>
<nav aria-label="The same for programs"><a href="status.json">status.json</a> <a href="metrics">metrics</a> <a href="healthz">healthz</a> <a href="readyz">readyz</a></nav>
<p>mcp-connect ${version}</p>
</footer>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

const COLUMNS = [
  ["Upstream", ""],
  ["State", ""],
  ["Weight", ""],
  ["In flight", "Requests that have no answer yet"],
  ["Requests", "Requests that were sent there, checks not included"],
  ["Failed", "Requests that were lost, not sent or refused"],
  ["Moved", "Failed requests that another upstream took over"],
  ["p50", "Half of the latest answers took no longer"],
  ["p95", "95 % of the latest answers took no longer"],
  ["p99", "99 % of the latest answers took no longer"],
] as const;

function figure(id: string, title: string): string {
  return `<figure class="card" aria-labelledby="${id}-title">
<figcaption><h2 id="${id}-title">${title}</h2><span class="soft" id="${id}-when">last 5 minutes</span></figcaption>
<svg id="${id}" class="chart" role="img" aria-labelledby="${id}-title ${id}-told" focusable="false"></svg>
<p class="unseen" id="${id}-told"></p>
<ul class="legend" id="${id}-legend"></ul>
</figure>`;
}
