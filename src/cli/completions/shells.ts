/** The shells there are completions for. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;
