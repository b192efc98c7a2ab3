/**
 * `SourceFile`: a file of the damaged directory, opened for reading only. Where the disk refuses bytes
 * (a bad sector), or they do not authenticate (a sealed file), the rest of the file is still read: refused pieces come back as zeros, which no
 * checksum takes for data, and are remembered.
 */

import { CorruptionError, IoError } from "../base/errors.ts";
import type { File, FileSystem } from "../env/file-system.ts";
import { type DirectoryPair, placeOf } from "../format/directory-pair.ts";

/** What a disk reads or refuses as a whole; larger pieces are tried in halves down to this. */
const PIECE_BYTES_MIN = 4096;
const READ_BYTES_MAX = 4 << 20;

export class SourceFile {
  readonly name: string;
  readonly size: number;
  readonly #file: File;
  /** Pieces that the disk refuses, or that do not authenticate. */
  readonly #refused: { readonly start: number; readonly end: number; readonly why: string }[] = [];

  private constructor(name: string, file: File) {
    this.name = name;
    this.#file = file;
    this.size = file.size();
  }

  /** `undefined` when there is no such file. */
  static open(fileSystem: FileSystem, pair: DirectoryPair, name: string): SourceFile | undefined {
    let file: File;
    try {
      file = fileSystem.open(placeOf(pair, name), { write: false, create: "never" });
    } catch (error) {
      if (error instanceof IoError && error.errno === "ENOENT") return undefined;
      throw error;
    }
    try {
      return new SourceFile(name, file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The bytes `[start, end)`, as far as the file reaches. */
  read(start: number, end: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.max(0, Math.min(end, this.size) - start));
    this.readInto(bytes, 0, bytes.length, start);
    return bytes;
  }

  /** Fills `target[offset, offset + length)` from `position` on; beyond the end of the file it is left alone. */
  readInto(target: Uint8Array, offset: number, length: number, position: number): void {
    const end = Math.min(position + length, this.size);
    for (let from = position; from < end;) {
      const count = Math.min(READ_BYTES_MAX, end - from);
      this.#readPiece(target, offset + from - position, count, from);
      from += count;
    }
  }

  /** Why bytes in `[start, end)` came back as zeros: an errno, a few words, or `undefined`. */
  refusal(start: number, end: number): string | undefined {
    return this.#refused.find((piece) => piece.start < end && piece.end > start)?.why;
  }

  close(): void {
    this.#file.close();
  }

  #readPiece(target: Uint8Array, offset: number, length: number, position: number): void {
    try {
      this.#file.read(target, offset, length, position);
      return;
    } catch (error) {
      const why = refusalOf(error);
      if (why === undefined) throw error;
      if (length <= PIECE_BYTES_MIN) {
        target.fill(0, offset, offset + length);
        const end = position + length;
        if (this.refusal(position, end) === undefined) {
          this.#refused.push({ start: position, end, why });
        }
        return;
      }
    }
    const half = Math.ceil(length / 2 / PIECE_BYTES_MIN) * PIECE_BYTES_MIN;
    this.#readPiece(target, offset, half, position);
    this.#readPiece(target, offset + half, length - half, position + half);
  }
}

function refusalOf(error: unknown): string | undefined {
  if (error instanceof CorruptionError) return "not authentic";
  return error instanceof IoError ? error.errno : undefined;
}
