/**
 * The real scheduling kernel between a simulated network and simulated split sources: delivers events, carries out
 * effects, and shows both to the checkers.
 */
import type { Instant, SourceId } from '../../services/common/ids.ts';
import { onEvent } from '../../services/coordinator/scheduler/query-scheduler.ts';
import type { QueryScheduler } from '../../services/coordinator/scheduler/query-scheduler.ts';
import type { SchedulerEffect } from '../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../services/coordinator/scheduler/scheduler-event.ts';
import type { QuerySchedulerState } from '../../services/coordinator/scheduler/scheduler-state.ts';
import type { EffectOf } from '../support/scheduler-driver.ts';
import type { WorkerOrder } from './cluster-worker.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Where effects go. */
export interface CoordinatorPorts {
  readonly sendToWorker: (order: WorkerOrder) => void;
  readonly loadSplits: (order: EffectOf<'load-splits'>) => void;
  readonly changeResult: (change: EffectOf<'change-result'>) => void;
  readonly rewindSource: (sourceId: SourceId) => void;
  readonly addResults: (results: EffectOf<'add-result-locations'>) => void;
  readonly onTurn: (event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]) => void;
}

export interface CoordinatorSetup {
  readonly time: VirtualTime;
  readonly ports: CoordinatorPorts;
  /** May change what the kernel ordered: how planted bugs are tried on the checkers. */
  readonly tamper: (effects: readonly SchedulerEffect[]) => readonly SchedulerEffect[];
  /** After which turns the state goes through JSON. */
  readonly isHandover: () => boolean;
}

export class SimulatedCoordinator {
  state: QuerySchedulerState;
  end: EffectOf<'finish-query'> | EffectOf<'fail-query'> | undefined;
  readonly #setup: CoordinatorSetup;

  constructor(created: QueryScheduler, setup: CoordinatorSetup) {
    this.#setup = setup;
    this.state = created.state;
    this.#carryOut('created', created.effects);
  }

  deliver(event: SchedulerEvent): void {
    const now = this.#setup.time.now();
    const effects = onEvent(this.state, event, now);
    this.#carryOut(event, effects);
    if (this.#setup.isHandover()) {
      this.state = JSON.parse(JSON.stringify(this.state)) as QuerySchedulerState;
    }
  }

  #carryOut(event: SchedulerEvent | 'created', ordered: readonly SchedulerEffect[]): void {
    const effects = this.#setup.tamper(ordered);
    this.#setup.ports.onTurn(event, effects);
    for (const effect of effects) this.#carryOutOne(effect);
  }

  #carryOutOne(effect: SchedulerEffect): void {
    const { ports } = this.#setup;
    switch (effect.kind) {
      case 'update-task':
      case 'stop-task':
      case 'release-output':
        return ports.sendToWorker(effect);
      case 'load-splits':
        return ports.loadSplits(effect);
      case 'change-result':
        return ports.changeResult(effect);
      case 'rewind-split-source':
        return ports.rewindSource(effect.sourceId);
      case 'add-result-locations':
        return ports.addResults(effect);
      case 'arm-timer':
        return this.#armTimer(effect.at, { kind: 'timer-fired', timer: effect.timer });
      case 'finish-query':
      case 'fail-query':
        this.end = effect;
        return undefined;
      case 'close-split-source':
      case 'change-query-state':
      case 'report-stall':
      case 'report-retry':
      case 'report-bad-status':
        return undefined;
      default:
        throw new Error('unknown effect');
    }
  }

  #armTimer(at: Instant, event: SchedulerEvent): void {
    this.#setup.time.at(at, () => this.deliver(event));
  }
}
