/** When files and folders of the local file system last changed. */
export interface PathChanges {
  /**
   * Milliseconds of the Unix epoch, of the inode (ctime): unlike the time of modification nothing can set it back,
   * and that of a folder moves with each entry that comes, goes or gets another name. `undefined` = nothing is there.
   */
  changedAtMs(path: string): Promise<number | undefined>;
}
