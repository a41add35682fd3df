import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Client } from "../api/client";
import { Live } from "./live";

type Listener = (event: unknown) => void;

/** A connection that says what the test says. */
const socket = vi.hoisted(() => ({ listeners: new Map<string, Listener>(), reconnect: vi.fn(), close: vi.fn() }));

vi.mock("partysocket", () => ({
  WebSocket: class {
    reconnect = socket.reconnect;
    close = socket.close;
    addEventListener = (name: string, listener: Listener): unknown => socket.listeners.set(name, listener);
  },
}));

const tell = (change: object): void => socket.listeners.get("message")?.({ data: JSON.stringify({ cursor: "1", ...change }) });
const NOTHING = { type: "queue_changed", count: 0 };
const OPENED = { type: "review_opened", patch_id: "p-1", version: "1" };

function live() {
  const heard = vi.fn();
  const missed = vi.fn();
  const made = new Live(new Client({ token: () => null, refused: () => undefined }), { heard, missed });
  made.open();
  socket.listeners.get("open")?.({});
  return { made, heard, missed };
}

beforeEach(() => {
  vi.useFakeTimers();
  socket.reconnect.mockClear();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the live connection", () => {
  it("has begun with its first cursor, and what is read then misses nothing", () => {
    const { made, missed, heard } = live();
    expect(made.hasBegun()).toBe(false);
    tell(NOTHING);
    expect(made.hasBegun()).toBe(true);
    tell(OPENED);
    expect(heard).toHaveBeenCalledExactlyOnceWith({ cursor: "1", ...OPENED });
    expect(missed).not.toHaveBeenCalled();
  });

  it("that is late says that something may have been missed", () => {
    const { made, missed } = live();
    vi.advanceTimersByTime(1_000);
    expect(made.hasBegun()).toBe(true);
    expect(missed).not.toHaveBeenCalled();
    tell(NOTHING);
    expect(missed).toHaveBeenCalledOnce();
    tell(NOTHING);
    expect(missed).toHaveBeenCalledOnce();
  });

  it("is made anew after silence, and not while something is heard", () => {
    live();
    for (let minute = 0; minute < 5; minute += 1) {
      vi.advanceTimersByTime(60_000);
      tell(NOTHING);
    }
    expect(socket.reconnect).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100_000);
    expect(socket.reconnect).toHaveBeenCalledOnce();
  });

  it("says that it is made anew only where that does not succeed", () => {
    const { made } = live();
    const states: string[] = [];
    made.subscribe(() => states.push(made.now()));
    socket.reconnect.mockImplementationOnce(() => socket.listeners.get("close")?.({ code: 1_000 }));
    vi.advanceTimersByTime(100_000);
    expect(socket.reconnect).toHaveBeenCalledOnce();
    socket.listeners.get("open")?.({});
    tell(NOTHING);
    expect(states).not.toContain("connecting");
    socket.listeners.get("close")?.({ code: 1_006 });
    expect(made.now()).toBe("connecting");
  });

  it("that is quiet is left alone by who looks away and comes back", () => {
    const { made } = live();
    vi.advanceTimersByTime(60_000);
    made.wake();
    expect(socket.reconnect).not.toHaveBeenCalled();
  });

  it("is made anew once the machine has slept", () => {
    const { made } = live();
    tell(NOTHING);
    vi.setSystemTime(Date.now() + 100_000);
    vi.advanceTimersByTime(10_000);
    expect(socket.reconnect).toHaveBeenCalledOnce();
    vi.setSystemTime(Date.now() + 100_000);
    made.wake();
    expect(socket.reconnect).toHaveBeenCalledTimes(2);
    made.wake();
    expect(socket.reconnect).toHaveBeenCalledTimes(2);
  });

  it("that is closed is watched no more", () => {
    const { made } = live();
    made.close();
    vi.advanceTimersByTime(300_000);
    expect(socket.reconnect).not.toHaveBeenCalled();
  });
});
