/**
 * A browser without a person: opens the address it is given and goes where it is sent, which at the suite's authorization
 * servers leads back to the program at once.
 */
const [address = ""] = Deno.args;
const response = await fetch(address);
await response.body?.cancel();
