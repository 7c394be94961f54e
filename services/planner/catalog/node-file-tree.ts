import { readdir, readFile, stat } from 'node:fs/promises';
import { type DirectoryEntry, type FileTree, type TextFiles } from './ports.ts';
import { type FileIdentity } from './table.ts';

/** The local file system; symbolic links count as what they lead to. */
export class NodeFileTree implements FileTree, TextFiles {
  async entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined> {
    const entries = await unlessMissing(readdir(directory, { withFileTypes: true }));
    if (entries === undefined) return undefined;
    return await Promise.all(
      entries.map(async (entry) => ({
        name: entry.name,
        isDirectory: entry.isSymbolicLink()
          ? ((await unlessMissing(stat(`${directory}/${entry.name}`)))?.isDirectory() ?? false)
          : entry.isDirectory(),
      })),
    );
  }

  async identityOf(path: string): Promise<FileIdentity | undefined> {
    const stats = await unlessMissing(stat(path));
    if (stats === undefined) return undefined;
    return { path, sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs };
  }

  async readText(path: string): Promise<string | undefined> {
    return await unlessMissing(readFile(path, 'utf8'));
  }
}

async function unlessMissing<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
