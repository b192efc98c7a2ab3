/**
 * Where a restore reads from: bytes in order, pulled when they are wanted. Nothing is read ahead, so
 * memory stays the reader's business.
 */

import { MelesError } from "../base/errors.ts";
import { baseName } from "../base/paths.ts";
import type { File, FileSystem } from "../env/file-system.ts";

/** A path, a `Bun.file` (or any `Blob`), or a stream of bytes. */
export type BackupSource = string | Blob | ReadableStream<Uint8Array>;

export interface Origin {
  /** For messages. */
  readonly name: string;
  /** Size of the whole, if it is known. */
  readonly sizeBytes: number | undefined;
  /** Fills some of `target[offset, offset + length)` and returns how much; 0 = the end. */
  read(target: Uint8Array, offset: number, length: number): Promise<number>;
  /** Nothing more is read. Never throws. */
  close(): Promise<void>;
}

export function openOrigin(source: BackupSource, fileSystem: FileSystem): Origin {
  if (typeof source === "string" && source !== "") return openFile(source, fileSystem);
  if (source instanceof ReadableStream) return new StreamOrigin(source, undefined);
  if (source instanceof Blob) {
    const { name } = source as Bun.BunFile;
    return "writer" in source && name !== undefined
      ? openFile(name, fileSystem)
      : new StreamOrigin(source.stream(), source.size);
  }
  throw new MelesError(
    "ERR_INVALID_ARGUMENT",
    "restore() reads from a path, a Bun.file or a ReadableStream",
  );
}

function openFile(path: string, fileSystem: FileSystem): Origin {
  const kind = fileSystem.info(path)?.kind;
  if (kind === "directory") {
    throw new MelesError("ERR_INVALID_ARGUMENT", `${path} is a directory; a backup is a file`);
  }
  const file = fileSystem.open(path, { write: false, create: "never" });
  return new FileOrigin(file, baseName(path), kind === "file" ? file.size() : undefined);
}

class FileOrigin implements Origin {
  readonly name: string;
  readonly sizeBytes: number | undefined;
  readonly #file: File;
  #position = 0;

  constructor(file: File, name: string, sizeBytes: number | undefined) {
    this.#file = file;
    this.name = name;
    this.sizeBytes = sizeBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    const count = this.#file.read(target, offset, length, this.#position);
    this.#position += count;
    return count;
  }

  async close(): Promise<void> {
    this.#file.close();
  }
}

/** What is used of a stream's reader; the platform's and Node's types of it differ. */
interface ChunkReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

class StreamOrigin implements Origin {
  readonly name = "the backup stream";
  readonly sizeBytes: number | undefined;
  readonly #reader: ChunkReader;
  /** The chunk that came last, and how much of it was handed on. */
  #chunk: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(stream: ReadableStream<Uint8Array>, sizeBytes: number | undefined) {
    this.#reader = stream.getReader();
    this.sizeBytes = sizeBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.#taken === this.#chunk.length) {
      const { done, value } = await this.#reader.read();
      if (done) return 0;
      if (!(value instanceof Uint8Array)) {
        throw new MelesError("ERR_INVALID_ARGUMENT", "a backup stream brings Uint8Arrays");
      }
      this.#chunk = value;
      this.#taken = 0;
    }
    const count = Math.min(length, this.#chunk.length - this.#taken);
    target.set(this.#chunk.subarray(this.#taken, this.#taken + count), offset);
    this.#taken += count;
    return count;
  }

  async close(): Promise<void> {
    try {
      await this.#reader.cancel();
    } catch {
      // A source that failed has been reported by the read.
    }
  }
}
