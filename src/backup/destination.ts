/**
 * Where a backup goes. A path gets the file only when it is whole: it is written under another name,
 * synced and renamed, so a failed backup leaves an earlier one as it was. Streams are written chunk by
 * chunk, each awaited, so a slow reader holds the backup up instead of filling memory.
 */

import { MelesError } from "../base/errors.ts";
import type { File, FileSystem } from "../env/file-system.ts";

/** A path, a `Bun.file`, or a stream of bytes. */
export type BackupSink = string | Bun.BunFile | WritableStream<Uint8Array>;

export interface Destination {
  /** Whether `write` may keep the bytes after it has resolved. */
  readonly keepsChunks: boolean;
  /** Resolves when the next chunk may come. */
  write(bytes: Uint8Array): Promise<void>;
  /** All is written: makes it durable, or ends the stream. */
  finish(): Promise<void>;
  /** Leaves nothing behind, or tells the stream's reader that there is no more. Never throws. */
  abandon(reason: unknown): Promise<void>;
}

export function openDestination(sink: BackupSink, fileSystem: FileSystem): Destination {
  if (typeof sink === "string" && sink !== "") return openFile(sink, fileSystem);
  if (sink instanceof WritableStream) return new StreamDestination(sink);
  if (sink instanceof Blob && "writer" in sink) {
    return sink.name === undefined
      ? new DescriptorDestination(sink)
      : openFile(sink.name, fileSystem);
  }
  throw new MelesError(
    "ERR_INVALID_ARGUMENT",
    "backup() writes to a path, a Bun.file or a WritableStream",
  );
}

/** What a backup is called until it is whole. */
const PARTIAL_SUFFIX = ".partial";

function openFile(path: string, fileSystem: FileSystem): Destination {
  // A device or a pipe cannot be replaced by a rename.
  const inPlace = fileSystem.info(path)?.kind === "other";
  const writtenPath = inPlace ? path : path + PARTIAL_SUFFIX;
  const file = fileSystem.open(writtenPath, { write: true, create: "truncate" });
  return new FileDestination(fileSystem, file, path, inPlace);
}

class FileDestination implements Destination {
  readonly keepsChunks = false;
  readonly #fileSystem: FileSystem;
  readonly #file: File;
  readonly #path: string;
  readonly #inPlace: boolean;
  #position = 0;

  constructor(fileSystem: FileSystem, file: File, path: string, inPlace: boolean) {
    this.#fileSystem = fileSystem;
    this.#file = file;
    this.#path = path;
    this.#inPlace = inPlace;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#file.write(bytes, 0, bytes.length, this.#position);
    this.#position += bytes.length;
  }

  async finish(): Promise<void> {
    if (this.#inPlace) {
      this.#file.close();
      return;
    }
    await this.#file.syncInBackground();
    this.#file.close();
    this.#fileSystem.rename(this.#file.path, this.#path);
    this.#fileSystem.syncDirectory(this.#fileSystem.join(this.#path, ".."));
  }

  async abandon(): Promise<void> {
    try {
      this.#file.close();
      if (!this.#inPlace) this.#fileSystem.remove(this.#file.path);
    } catch {
      // The failure that led here is the one to report.
    }
  }
}

class StreamDestination implements Destination {
  readonly keepsChunks = true;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.ready;
    await this.#writer.write(bytes);
  }

  async finish(): Promise<void> {
    await this.#writer.close();
  }

  async abandon(reason: unknown): Promise<void> {
    try {
      await this.#writer.abort(reason);
    } catch {
      // The failure that led here is the one to report.
    }
  }
}

/** `Bun.file(descriptor)`: nothing to rename, and the descriptor stays the caller's. */
class DescriptorDestination implements Destination {
  readonly keepsChunks = true;
  readonly #sink: Bun.FileSink;

  constructor(file: Bun.BunFile) {
    this.#sink = file.writer();
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#sink.write(bytes);
    await this.#sink.flush();
  }

  async finish(): Promise<void> {
    await this.#sink.flush();
    await this.#sink.end();
  }

  async abandon(): Promise<void> {
    try {
      await this.#sink.end();
    } catch {
      // The failure that led here is the one to report.
    }
  }
}
