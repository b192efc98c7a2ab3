/** A thread entry that starts, stays, and never says that it is ready. */

declare const self: { onmessage: (() => void) | null };

self.onmessage = () => undefined;
