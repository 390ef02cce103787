export interface ZipEntry {
  name: string;
  method: number;
  packed: number;
  size: number;
  /** Offset of the local header, bytes. */
  offset: number;
}
export declare const listZip: (path: string) => ZipEntry[];
export declare const readZipEntry: (path: string, entry: ZipEntry) => Buffer;
export declare const extractZipEntry: (path: string, entry: ZipEntry, target: string) => Promise<void>;
export declare const readTarGz: (archive: Buffer, wanted: (name: string) => boolean) => Buffer | undefined;
export declare const writeTarGz: (name: string, content: Buffer) => Buffer;
