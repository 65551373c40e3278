// An empty program: what Deno itself takes to start.
