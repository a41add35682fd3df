/** In which language a file is written, by its name, as refractor names it; null for what is not highlighted. */

const BY_EXTENSION: Readonly<Record<string, string>> = {
  bash: "bash", c: "c", cc: "cpp", clj: "clojure", cpp: "cpp", cs: "csharp", css: "css", cxx: "cpp", dart: "dart", erl: "erlang",
  ex: "elixir", exs: "elixir", go: "go", gradle: "groovy", groovy: "groovy", h: "c", hh: "cpp", hpp: "cpp", hrl: "erlang", hs: "haskell",
  htm: "markup", html: "markup", ini: "ini", java: "java", js: "javascript", json: "json", jsx: "jsx", kt: "kotlin", kts: "kotlin",
  less: "less", lua: "lua", m: "objectivec", md: "markdown", mjs: "javascript", cjs: "javascript", php: "php", phtml: "php", pl: "perl",
  pm: "perl", proto: "protobuf", ps1: "powershell", py: "python", pyi: "python", pyx: "python", rb: "ruby", rs: "rust", scala: "scala",
  scss: "scss", sh: "bash", sql: "sql", swift: "swift", toml: "toml", ts: "typescript", tsx: "tsx", twig: "markup", vue: "markup",
  xml: "markup", yaml: "yaml", yml: "yaml", zsh: "bash",
};

const BY_NAME: Readonly<Record<string, string>> = { dockerfile: "docker", makefile: "makefile", gemfile: "ruby", rakefile: "ruby", jenkinsfile: "groovy" };

export function languageOf(path: string): string | null {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "";
  return BY_NAME[name] ?? BY_EXTENSION[extension] ?? null;
}
