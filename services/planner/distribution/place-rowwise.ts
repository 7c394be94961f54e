/** Operators that look at one row at a time run wherever their input is. */
import { type Expression } from '../logical/expression.ts';
import { type Filter, type Project, type Unnesting } from '../logical/logical-plan.ts';
import { positionsIn, project, referencesTo } from './columns.ts';
import { toOneStage } from './exchange.ts';
import { isVolatileOperator } from './operator-expressions.ts';
import { remapHashKeys } from './partitioning.ts';
import { columnsOf, SINGLE, withKeys, type Branch, type Location, type Placed } from './placed.ts';
import { type Placer } from './placer.ts';

export function placeFilter(placer: Placer, plan: Filter): Placed {
  const input = pinned(placer.place(plan.child), plan);
  return {
    branches: input.branches.map(({ body, location }) => ({
      body: { ...plan, child: body },
      location,
    })),
  };
}

export function placeProject(placer: Placer, plan: Project): Placed {
  const input = pinned(placer.place(plan.child), plan);
  return {
    branches: input.branches.map((branch) => ({
      ...limitOf(branch),
      body: { ...plan, child: branch.body },
      location: projected(branch.location, plan.expressions),
    })),
  };
}

export function placeUnnesting(placer: Placer, plan: Unnesting): Placed {
  const input = pinned(placer.place(plan.child), plan);
  const branches = input.branches.map((branch): Branch => {
    const { body, location } =
      branch.location.kind === 'pending'
        ? toOneStage(placer.graph, { branches: [branch] })
        : branch;
    return { body: { ...plan, child: body }, location };
  });
  return { branches };
}

/** Columns computed from those of a placed subtree. */
export function projectPlaced(
  input: Placed,
  compute: (columns: readonly Expression[]) => readonly Expression[],
): Placed {
  const expressions = compute(referencesTo(columnsOf(input)));
  return {
    branches: input.branches.map((branch) => ({
      ...limitOf(branch),
      body: project(branch.body, expressions),
      location: projected(branch.location, expressions),
    })),
  };
}

/** Constants that a volatile expression is about to look at stay in one place from here on. */
function pinned(input: Placed, plan: Filter | Project | Unnesting): Placed {
  if (!isVolatileOperator(plan)) return input;
  return {
    branches: input.branches.map((branch) =>
      branch.location.kind === 'anywhere' ? { ...branch, location: SINGLE } : branch,
    ),
  };
}

function projected(location: Location, expressions: readonly Expression[]): Location {
  return withKeys(location, (keys) => remapHashKeys(keys, positionsIn(expressions)));
}

function limitOf({ rowLimit }: Branch): { readonly rowLimit?: number } {
  return rowLimit === undefined ? {} : { rowLimit };
}
