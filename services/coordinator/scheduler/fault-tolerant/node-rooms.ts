/**
 * What is left of each node, as the tasks of one execution class see it (F31). Kept from round to round: only nodes whose leases
 * have changed are counted again. Follows from the leases and the nodes.
 */
import type { NodeId } from '../../../common/ids.ts';
import type { ExecutionClass } from './execution-class.ts';
import type { AllocationLimits } from './fault-tolerant-options.ts';
import { leasesByNode } from './node-lease.ts';
import type { LeaseId, NodeAllocation, NodeLease } from './node-lease.ts';
import { WinnerTree } from './winner-tree.ts';

/** A node that may take tasks now. */
export interface AllocatableNode {
  readonly nodeId: NodeId;
  /** For tasks. */
  readonly memoryBytes: number;
  /** Of it in use as the node reports it, tasks of other disciplines included. */
  readonly usedBytes: number;
  /** Tasks that it runs at a time. Absent = any number. */
  readonly lanes?: number;
}

/** What is left of a node, as a round goes. */
export interface Room {
  readonly position: number;
  readonly nodeId: NodeId;
  /** By leases and by what tasks are seen to use. */
  freeBytes: number;
  /** By leases alone. */
  unleasedBytes: number;
  leaseCount: number;
  freeLanes: number;
  speculativeBytes: number;
}

export interface RoomTerms {
  readonly nodes: readonly AllocatableNode[];
  readonly limits: AllocationLimits;
}

/** The rooms that tasks of one class see. */
export class NodeRooms {
  readonly rooms: Room[];
  readonly #allocation: NodeAllocation;
  readonly #terms: RoomTerms;
  readonly #executionClass: ExecutionClass;
  readonly #isOpen = (position: number): boolean => (this.rooms[position]?.freeLanes ?? 0) > 0;
  #openCount: number;
  #emptyCount: number;
  /** By whether the task needs memory; made when it is first asked. */
  readonly #trees = new Map<boolean, WinnerTree>();

  constructor(allocation: NodeAllocation, terms: RoomTerms, executionClass: ExecutionClass) {
    this.#allocation = allocation;
    this.#terms = terms;
    this.#executionClass = executionClass;
    this.rooms = terms.nodes.map((_, position) => this.#measure(position));
    this.#openCount = this.rooms.filter(({ freeLanes }) => freeLanes > 0).length;
    this.#emptyCount = this.rooms.filter(({ leaseCount }) => leaseCount === 0).length;
  }

  /** Nodes with a free lane. */
  get openCount(): number {
    return this.#openCount;
  }

  /** Nodes without a lease: they have room for any task. */
  get emptyCount(): number {
    return this.#emptyCount;
  }

  /** The open node that a task of this need would take: see `isRoomier`. */
  roomiest(memoryBytes: number): Room | undefined {
    const needsMemory = memoryBytes > 0;
    let tree = this.#trees.get(needsMemory);
    if (tree === undefined) {
      const isBetter = isRoomier(memoryBytes);
      const { rooms } = this;
      tree = new WinnerTree(rooms.length, this.#isOpen, (a, b) => {
        const [one, other] = [rooms[a], rooms[b]];
        return one !== undefined && other !== undefined && isBetter(one, other);
      });
      this.#trees.set(needsMemory, tree);
    }
    return this.rooms[tree.best];
  }

  /** For the rest of the round. */
  reserve(room: Room, bytes: number): void {
    const before = { ...room };
    room.freeBytes -= bytes;
    room.unleasedBytes -= bytes;
    room.leaseCount += 1;
    room.freeLanes -= 1;
    this.#noteChange(before, room);
    leasesByNode(this.#allocation).changed.add(room.nodeId);
  }

  /** The leases of this node have changed. */
  recount(position: number): void {
    const before = this.rooms[position];
    const room = this.#measure(position);
    this.rooms[position] = room;
    if (before !== undefined) this.#noteChange(before, room);
  }

  #noteChange(before: Room, { position, freeLanes, leaseCount }: Room): void {
    const isOpen = freeLanes > 0;
    this.#openCount += Number(isOpen) - Number(before.freeLanes > 0);
    this.#emptyCount += Number(leaseCount === 0) - Number(before.leaseCount === 0);
    for (const tree of this.#trees.values()) tree.update(position, isOpen);
  }

  #measure(position: number): Room {
    const { nodes, limits } = this.#terms;
    const node = nodes[position];
    const isStandard = this.#executionClass === 'standard';
    const extra = this.#executionClass === 'eager-speculative' ? limits.eagerOvercommitBytes : 0;
    const { nodeId, memoryBytes, usedBytes, lanes = Infinity } = node as AllocatableNode;
    let ignoredUsage = 0;
    let expected = 0;
    let leased = 0;
    let count = 0;
    let speculativeBytes = 0;
    for (const lease of leasesByNode(this.#allocation).onNode.get(nodeId) ?? []) {
      const gives = lease.executionClass !== 'standard';
      if (gives) speculativeBytes += lease.memoryBytes;
      if (gives && isStandard) {
        ignoredUsage += lease.usageBytes;
        continue;
      }
      expected += expectedBytes(lease, limits);
      leased += lease.memoryBytes;
      count += 1;
    }
    return {
      position,
      nodeId,
      freeBytes: memoryBytes + extra - Math.max(expected, usedBytes - ignoredUsage),
      unleasedBytes: memoryBytes + extra - leased,
      leaseCount: count,
      freeLanes: lanes - count,
      speculativeBytes,
    };
  }
}

export type IsBetter = (a: Room, b: Room) => boolean;

/** A task that needs no memory goes where there are fewest; any other where there is most room, then least speculation. */
export function isRoomier(memoryBytes: number): IsBetter {
  if (memoryBytes === 0) return (a, b) => a.leaseCount < b.leaseCount;
  return (a, b) =>
    a.freeBytes === b.freeBytes
      ? a.speculativeBytes < b.speculativeBytes
      : a.freeBytes > b.freeBytes;
}

function expectedBytes(lease: NodeLease, limits: AllocationLimits): number {
  const used = lease.usageBytes === 0 ? 0 : lease.usageBytes + limits.usageOverheadBytes;
  return Math.max(lease.memoryBytes, used);
}

interface RoomBook {
  readonly terms: RoomTerms;
  readonly positions: ReadonlyMap<NodeId, number>;
  readonly views: Map<ExecutionClass, NodeRooms>;
  /** By position of the node: those on it that have to give way. */
  readonly overcommitted: Map<number, readonly LeaseId[]>;
}

const books = new WeakMap<NodeAllocation, RoomBook>();

/** What tasks of this class see now. Counted anew when it is asked about another list of nodes than the last time. */
export function roomsOf(
  allocation: NodeAllocation,
  terms: RoomTerms,
  executionClass: ExecutionClass,
): NodeRooms {
  const book = bookOf(allocation, terms);
  const { changed } = leasesByNode(allocation);
  for (const nodeId of changed) {
    const position = book.positions.get(nodeId);
    if (position !== undefined) for (const view of book.views.values()) view.recount(position);
  }
  changed.clear();
  let view = book.views.get(executionClass);
  if (view === undefined) {
    view = new NodeRooms(allocation, terms, executionClass);
    book.views.set(executionClass, view);
  }
  return view;
}

/** What `leasesOf` finds on each node, in the order of the nodes: asked again only of nodes whose leases have changed. */
export function overcommittedLeases(
  allocation: NodeAllocation,
  terms: RoomTerms,
  leasesOf: (node: AllocatableNode) => readonly LeaseId[],
): readonly LeaseId[] {
  const { positions, overcommitted } = bookOf(allocation, terms);
  const { unchecked } = leasesByNode(allocation);
  for (const nodeId of unchecked) {
    const position = positions.get(nodeId) ?? -1;
    const node = terms.nodes[position];
    const found = node === undefined ? [] : leasesOf(node);
    if (found.length > 0) overcommitted.set(position, found);
    else overcommitted.delete(position);
  }
  unchecked.clear();
  if (overcommitted.size === 0) return [];
  return [...overcommitted].sort(([a], [b]) => a - b).flatMap(([, leases]) => leases);
}

function bookOf(allocation: NodeAllocation, terms: RoomTerms): RoomBook {
  const known = books.get(allocation);
  if (known?.terms.nodes === terms.nodes && known.terms.limits === terms.limits) return known;
  const positions = new Map(terms.nodes.map(({ nodeId }, position) => [nodeId, position]));
  const book: RoomBook = { terms, positions, views: new Map(), overcommitted: new Map() };
  const { unchecked, onNode } = leasesByNode(allocation);
  for (const nodeId of onNode.keys()) unchecked.add(nodeId);
  books.set(allocation, book);
  return book;
}
