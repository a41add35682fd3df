// Strict by type, hooks and accessibility; what is switched off says why.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import accessibility from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig(
  { ignores: ["src/api/schema.d.ts", "node_modules", "eslint.config.js"] },
  typescript.configs.strictTypeChecked,
  hooks.configs.flat.recommended,
  accessibility.flatConfigs.strict,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: dirname(fileURLToPath(import.meta.url)) } },
    rules: {
      // We do not use React's compiler: that it skips a component is no concern.
      "react-hooks/incompatible-library": "off",
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      // A scrolling region has to be reached with the keyboard (WCAG 2.1.1), and the rule knows of no such role.
      "jsx-a11y/no-noninteractive-tabindex": ["error", { roles: ["region"], tags: ["main", "pre"] }],
    },
  },
  // Lists of texts are as long as what there is to say.
  { files: ["src/words/*.ts"], rules: { "max-lines": "off" } },
);
