import { walkExpression } from '../logical/expression-tree.ts';
import { type Expression } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { fieldSet, Fields } from './fields.ts';
import { type Json } from './json-reader.ts';
import { type ExpressionDecoder, type Scope } from './scope.ts';

const LAMBDA_DATA = fieldSet('return_type lambda_expr has_index has_initial');

export const LAMBDA_FUNCTIONS: ReadonlySet<string> = new Set([
  'list_transform',
  'array_transform',
  'list_apply',
  'array_apply',
  'apply',
  'list_filter',
  'array_filter',
  'filter',
  'list_reduce',
  'array_reduce',
  'reduce',
]);

/**
 * A bound lambda lives in function_data: its references count the parameters backwards, then the captured
 * expressions, which stand as further arguments of the call.
 */
export function decodeLambdaArgs(
  call: { readonly name: string; readonly data: Json; readonly args: readonly Expression[] },
  decode: ExpressionDecoder,
): readonly Expression[] {
  const { name, data, args } = call;
  const fields = new Fields(data, 'lambda data', LAMBDA_DATA);
  const [list, ...rest] = args;
  if (list === undefined) throw new UnsupportedError('lambda without a list');
  const initial = rest.slice(0, fields.flag('has_initial') ? 1 : 0);
  const captures = rest.slice(initial.length);
  const elementCount = name.endsWith('reduce') ? 2 : 1;
  const parameters = freshParameters(elementCount + (fields.flag('has_index') ? 1 : 0), captures);
  const scope: Scope = (index, type) => {
    const parameter = parameters[parameters.length - 1 - index];
    if (parameter !== undefined) return { kind: 'lambda-parameter', type, name: parameter };
    const capture = captures[index - parameters.length];
    if (capture === undefined) throw new UnsupportedError('reference of a lambda');
    return capture;
  };
  const body = decode(fields.json('lambda_expr'), scope);
  return [list, { kind: 'lambda', type: body.type, parameters, body }, ...initial];
}

/** Names that hide none of the outer lambdas' parameters that this one captures. */
function freshParameters(count: number, captures: readonly Expression[]): readonly string[] {
  const taken = new Set<string>();
  for (const capture of captures) {
    for (const part of walkExpression(capture)) {
      if (part.kind === 'lambda-parameter') taken.add(part.name);
    }
  }
  for (let suffix = 0; ; suffix += 1) {
    const names = ['x', 'y', 'z'].slice(0, count).map((name) => `${name}${suffix || ''}`);
    if (!names.some((name) => taken.has(name))) return names;
  }
}
