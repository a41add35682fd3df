/** Where in the list somebody was when they went to a card, so that they come back to it. Only of the list that was left last. */

export interface Spot {
  readonly patchId: string;
  readonly index: number;
}

interface Left {
  readonly view: string;
  readonly spot: Spot | null;
  readonly offset: number;
}

let left: Left | null = null;

export function leave(gone: Left): void {
  left = gone;
}

/** A card is open: whoever comes back from it comes back to its review. */
export function visit(patchId: string): void {
  if (left !== null) left = { ...left, spot: { patchId, index: left.spot?.index ?? 0 } };
}

/** Null where another list was left, or none. */
export function comeBack(view: string): Left | null {
  return left?.view === view ? left : null;
}

/** The index at which a spot is now: of its review, or where that is gone of what stands in its place. -1 is nowhere. */
export function indexOf(spot: Spot | null, reviews: readonly { readonly patch_id: string }[]): number {
  if (spot === null) return -1;
  const here = reviews[spot.index]?.patch_id === spot.patchId ? spot.index : reviews.findIndex(({ patch_id: id }) => id === spot.patchId);
  return here === -1 ? Math.min(spot.index, reviews.length - 1) : here;
}
