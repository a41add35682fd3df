import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { BATCH_MAX, PAGE_MAX, PEOPLE_MAX, TEXT_MAX } from "./limits";

interface Shape {
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Shape[];
}

interface Document {
  readonly paths: Readonly<Record<string, { readonly get?: { readonly parameters: readonly { readonly name: string; readonly schema: Shape }[] } }>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties: Readonly<Record<string, Shape>> }>> };
}

const { paths, components } = JSON.parse(readFileSync("../schemas/http/openapi.json", "utf8")) as Document;

const member = (schema: string, name: string): Shape => components.schemas[schema]?.properties[name] ?? {};
const parameter = (path: string, name: string): Shape => paths[path]?.get?.parameters.find((one) => one.name === name)?.schema ?? {};

it.each([
  ["Reject", "reason"],
  ["Say", "comment"],
  ["Feedback", "text"],
  ["Approve", "comment"],
  ["Batch", "reason"],
  ["Batch", "comment"],
])("a text may be as long as the API takes it: %s.%s", (schema, name) => {
  const { maxLength, anyOf } = member(schema, name);
  expect(maxLength ?? anyOf?.[0]?.maxLength).toBe(TEXT_MAX);
});

it.each(["/hitl/patches/pending", "/hitl/patches/{patch_id}/results", "/hitl/audit"])("a page is as long as the API gives it: %s", (path) => {
  expect(parameter(path, "limit").maximum).toBe(PAGE_MAX);
});

it("as many are asked for at once as the API takes", () => {
  expect(member("Batch", "items").maxItems).toBe(BATCH_MAX);
  expect(parameter("/hitl/people", "subject").maxItems).toBe(PEOPLE_MAX);
});
