/**
 * Where a backup goes. A path gets the file only when it is whole: it is written under another name,
 * synced and renamed, so a failed backup leaves an earlier one as it was. Streams are written chunk by
 * chunk, each awaited, so a slow reader holds the backup up instead of filling memory.
 */

import { MelesError } from "../base/errors.ts";
import { type File, type FileSystem, isStreamTarget } from "../env/file-system.ts";

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
    return sink.name === undefined ? openDescriptor(sink) : openFile(sink.name, fileSystem);
  }
  throw noSink();
}

function noSink(cause?: unknown): MelesError {
  const message = "backup() writes to a path, a Bun.file or a WritableStream";
  return new MelesError("ERR_INVALID_ARGUMENT", message, { cause });
}

/** What a backup is called until it is whole. */
const PARTIAL_SUFFIX = ".partial";

function openFile(path: string, fileSystem: FileSystem): Destination {
  if (fileSystem.info(path)?.kind === "directory") {
    throw new MelesError("ERR_INVALID_ARGUMENT", `${path} is a directory; a backup is a file`);
  }
  const inPlace = isStreamTarget(path, fileSystem);
  const writtenPath = inPlace ? path : path + PARTIAL_SUFFIX;
  const file = fileSystem.open(writtenPath, {
    write: true,
    create: "truncate",
    outsideDatabases: true,
    stream: inPlace,
  });
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
  /** Ends the wait for a stream that takes nothing: `abort` waits for the write under way. */
  #giveUp: (reason: unknown) => void = () => undefined;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#waitFor(this.#writer.write(bytes));
  }

  finish(): Promise<void> {
    return this.#waitFor(this.#writer.close());
  }

  async abandon(reason: unknown): Promise<void> {
    // The failure that led here is the one to report.
    this.#writer.abort(reason).catch(() => undefined);
    this.#giveUp(reason);
  }

  #waitFor(step: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      step.then(resolve, reject);
    });
  }
}

function openDescriptor(file: Bun.BunFile): Destination {
  try {
    return new DescriptorDestination(file.writer());
  } catch (cause) {
    throw noSink(cause); // A Blob of bytes looks like a file, but is none.
  }
}

/** `Bun.file(descriptor)`: nothing to rename, and the descriptor stays the caller's. */
class DescriptorDestination implements Destination {
  readonly keepsChunks = true;
  readonly #sink: Bun.FileSink;

  constructor(sink: Bun.FileSink) {
    this.#sink = sink;
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
