/** All files of a diff one below the other, as pieces of which only those in sight are drawn; the way from change to change. */

import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { Diff, Hunk, type HunkData, type HunkTokens, getChangeKey } from "react-diff-view";

import { useKeys } from "../keyboard/use-keys";
import { Chip } from "../design/piece";
import { type Speech, useSpeech } from "../words/words";
import { Tree } from "./tree";
import css from "./diff.module.css";
import type { Diff as Read, DiffFile } from "./parse";
import { type ViewType, blocks, cut, nameOf, withoutWhitespace } from "./piece";
import { type Tokens, useTokens } from "./use-tokens";

const LINE_PX = 20;
const HEAD_PX = 40;
/** How much of the top of the window the bar covers, and a little air. */
const TOP_PX = 64;

type Item =
  | { readonly kind: "file"; readonly file: number }
  | { readonly kind: "hunk"; readonly file: number; readonly hunk: number; readonly content: string }
  | { readonly kind: "piece"; readonly file: number; readonly hunk: number; readonly piece: HunkData };

/** The beginning of a change: in which item, and the key of its first line. */
interface Stop {
  readonly item: number;
  readonly change: string;
}

interface Props {
  readonly read: Read;
  readonly view: ViewType;
  readonly ignoring: boolean;
  /** Names of what is new, where that is known. */
  readonly news: ReadonlySet<string>;
  /** Names of hunks that are folded at first. */
  readonly folded: ReadonlySet<string>;
}

export function Files({ read, view, ignoring, news, folded }: Props) {
  const { say } = useSpeech();
  const { files } = read;
  const hunks = useMemo(() => files.map((file) => (ignoring ? file.hunks.map(withoutWhitespace) : file.hunks)), [files, ignoring]);
  const tokens = useTokens(files, hunks);
  const ignored = useMemo(() => changed(files.map((file) => file.hunks)) - changed(hunks), [files, hunks]);
  const [closed, setClosed] = useState(folded);
  const items = useMemo(() => itemsOf(files, hunks, view, closed), [files, hunks, view, closed]);
  const stops = useMemo(() => stopsOf(items), [items]);
  const [stop, setStop] = useState<number | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const margin = useOffset(list);
  const virtual = useWindowVirtualizer({
    count: items.length,
    estimateSize: (index) => sizeOf(items[index]),
    getItemKey: (index) => keyOf(items[index]),
    scrollMargin: margin,
    scrollPaddingStart: TOP_PX,
    overscan: 2,
  });
  const toggle = (what: string): void => {
    setClosed((had) => {
      const next = new Set(had);
      if (!next.delete(what)) next.add(what);
      return next;
    });
  };
  const toStop = (at: number): void => {
    const to = Math.max(0, Math.min(at, stops.length - 1));
    const found = stops[to];
    if (found === undefined) return;
    setStop(to);
    virtual.scrollToIndex(found.item, { align: "start" });
    // Its height is known only once it is drawn.
    requestAnimationFrame(() => {
      list.current?.querySelector(`[data-index="${String(found.item)}"] [data-change-key="${found.change}"]`)?.scrollIntoView({ block: "center" });
    });
  };
  const toFile = (file: number): void => {
    virtual.scrollToIndex(items.findIndex((item) => item.kind === "file" && item.file === file), { align: "start" });
  };
  const first = virtual.getVirtualItems().find(({ end }) => end > window.scrollY + TOP_PX);
  const fileInSight = items[first?.index ?? 0]?.file ?? 0;
  useKeys({
    j: { what: "diff.next", run: () => { toStop(stop === null ? 0 : stop + 1); } },
    k: { what: "diff.previous", run: () => { toStop(stop === null ? 0 : stop - 1); } },
    f: files.length > 1 ? { what: "keys.files", run: () => { toFile((fileInSight + 1) % files.length); } } : null,
  });
  const marked = stop === null ? undefined : stops[stop];
  return (
    <div className={css["files"]} data-tree={files.length > 1}>
      {ignored > 0 && (
        <p role="note" className={css["notice"]}>
          {say("diff.ignored", { count: ignored })}
        </p>
      )}
      {files.length > 1 && <Tree files={files} current={fileInSight} go={toFile} />}
      <div ref={list} className={css["list"]} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ key, index, start }) => {
          const item = items[index];
          const file = item === undefined ? undefined : files[item.file];
          if (item === undefined || file === undefined) return null;
          return (
            <div key={key} ref={virtual.measureElement} data-index={index} className={css["item"]} style={{ transform: `translateY(${String(start - margin)}px)` }}>
              <Content item={item} file={file} view={view} tokens={tokens} marked={marked?.item === index ? marked.change : null} news={news} closed={closed} toggle={toggle} />
            </div>
          );
        })}
      </div>
      {read.remarks.length > 0 && <Remarks lines={read.remarks} />}
    </div>
  );
}

/** How many lines came or went. */
function changed(hunks: readonly (readonly HunkData[])[]): number {
  return hunks.flat().reduce((sum, hunk) => sum + hunk.changes.filter(({ type }) => type !== "normal").length, 0);
}

interface ContentProps {
  readonly item: Item;
  readonly file: DiffFile;
  readonly view: ViewType;
  readonly tokens: Tokens;
  readonly marked: string | null;
  readonly news: ReadonlySet<string>;
  readonly closed: ReadonlySet<string>;
  readonly toggle: (what: string) => void;
}

function Content({ item, file, view, tokens, marked, news, closed, toggle }: ContentProps) {
  const { say } = useSpeech();
  switch (item.kind) {
    case "file": {
      const name = nameOf(item.file);
      const isOpen = !closed.has(name);
      return (
        <>
          {file.remarks.length > 0 && <Remarks lines={file.remarks} />}
          <div className={css["head"]}>
            <button type="button" className={css["fold"]} aria-expanded={isOpen} aria-label={say(isOpen ? "diff.collapse" : "diff.expand", { name: file.name })} onClick={() => { toggle(name); }}>
              {isOpen ? "▾" : "▸"}
            </button>
            <bdi className={css["path"]}>{file.name}</bdi>
            {news.has(name) && <Chip tone="info">{say("diff.new")}</Chip>}
            <Notes file={file} />
            <span className={css["added"]}>+{file.added}</span>
            <span className={css["removed"]}>−{file.removed}</span>
          </div>
        </>
      );
    }
    case "hunk": {
      const name = nameOf(item.file, item.hunk);
      const isOpen = !closed.has(name);
      return (
        <div className={css["hunk"]}>
          <button type="button" className={css["fold"]} aria-expanded={isOpen} aria-label={say(isOpen ? "diff.collapse" : "diff.expand", { name: item.content })} onClick={() => { toggle(name); }}>
            {isOpen ? "▾" : "▸"}
          </button>
          <code>{item.content}</code>
          {news.has(name) && <Chip tone="info">{say("diff.new")}</Chip>}
        </div>
      );
    }
    case "piece":
      return <Piece piece={item.piece} file={file} view={view} tokens={tokens.get(item.file) ?? null} marked={marked} />;
  }
}

interface PieceProps {
  readonly piece: HunkData;
  readonly file: DiffFile;
  readonly view: ViewType;
  readonly tokens: HunkTokens | null;
  readonly marked: string | null;
}

function Piece({ piece, file, view, tokens, marked }: PieceProps) {
  const hunks = useMemo(() => [piece], [piece]);
  return (
    <Diff viewType={view} diffType={file.type} hunks={hunks} tokens={tokens} selectedChanges={marked === null ? [] : [marked]}>
      {(shown) => shown.map((one) => <Hunk key={one.content} hunk={one} />)}
    </Diff>
  );
}

/** What happened to the file itself. */
function Notes({ file }: { readonly file: DiffFile }) {
  const speech = useSpeech();
  const { say } = speech;
  const notes = [
    file.type === "rename" ? say("diff.renamed", { from: file.oldPath }) : null,
    file.type === "copy" ? say("diff.copied", { from: file.oldPath }) : null,
    file.type === "add" ? say("diff.added") : null,
    file.type === "delete" ? say("diff.deleted") : null,
    file.type === "modify" && file.oldPath !== file.newPath ? say("diff.other_name", { from: file.oldPath, to: file.newPath }) : null,
    file.oldMode !== "" && file.newMode !== "" && file.oldMode !== file.newMode ? say("diff.mode", { from: file.oldMode, to: file.newMode }) : null,
    file.oldMode === file.newMode || file.oldMode === "" || file.newMode === "" ? modeOf(file.newMode || file.oldMode, speech) : null,
    file.isCrlf ? say("diff.crlf") : null,
    file.hunks.length === 0 && file.isBinary !== true && file.type === "modify" && file.oldMode === file.newMode ? say("diff.empty") : null,
  ].filter((one) => one !== null);
  return (
    <>
      {notes.map((one) => (
        <span key={one} className={css["note"]}>
          {one}
        </span>
      ))}
      {file.isBinary === true && <Chip tone="bad">{say("diff.binary")}</Chip>}
    </>
  );
}

/** A mode that is not that of an ordinary file, in words. */
function modeOf(mode: string, { say, sayOr }: Speech): string | null {
  if (mode === "" || mode === "100644") return null;
  return say("diff.special_mode", { mode, what: sayOr(`diff.mode.${mode}`, "?") });
}

/** Text of the patch that belongs to no file: nothing of it is left out. */
function Remarks({ lines }: { readonly lines: readonly string[] }) {
  return <pre className={css["remarks"]}>{lines.join("\n")}</pre>;
}

function itemsOf(files: readonly DiffFile[], hunks: readonly (readonly HunkData[])[], view: ViewType, closed: ReadonlySet<string>): readonly Item[] {
  return files.flatMap((_, file): Item[] => {
    const head: Item = { kind: "file", file };
    if (closed.has(nameOf(file))) return [head];
    const below = (hunks[file] ?? []).flatMap((hunk, at): Item[] => {
      const title: Item = { kind: "hunk", file, hunk: at, content: hunk.content };
      if (closed.has(nameOf(file, at))) return [title];
      return [title, ...cut(hunk, view).map((piece): Item => ({ kind: "piece", file, hunk: at, piece }))];
    });
    return [head, ...below];
  });
}

function stopsOf(items: readonly Item[]): readonly Stop[] {
  return items.flatMap((item, at) => {
    if (item.kind !== "piece") return [];
    return blocks(item.piece.changes).flatMap(([first]) => (first === undefined || first.type === "normal" ? [] : [{ item: at, change: getChangeKey(first) }]));
  });
}

function sizeOf(item: Item | undefined): number {
  return item?.kind === "piece" ? item.piece.changes.length * LINE_PX : HEAD_PX;
}

function keyOf(item: Item | undefined): string {
  if (item === undefined) return "";
  if (item.kind === "file") return nameOf(item.file);
  if (item.kind === "hunk") return nameOf(item.file, item.hunk);
  const [first] = item.piece.changes;
  return `${nameOf(item.file, item.hunk)} ${first === undefined ? "" : getChangeKey(first)}`;
}

/** How far from the top of the page it begins; what stands above may grow. */
function useOffset(list: { readonly current: HTMLElement | null }): number {
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => {
    const measure = (): void => {
      if (list.current !== null) setOffset(Math.round(list.current.getBoundingClientRect().top + window.scrollY));
    };
    measure();
    const watching = new ResizeObserver(measure);
    watching.observe(document.body);
    return () => {
      watching.disconnect();
    };
  }, [list]);
  return offset;
}
