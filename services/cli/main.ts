/** The `skein` command. Each command is loaded when it is used, so that `--help` is quick. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CONFIG_KEYS, type Role } from '../common/config/config-keys.ts';
import { EngineError } from '../common/error.ts';
import { VERSION } from '../common/version.ts';
import { FORMAT_NAMES } from './format/result-format.ts';

/** Exit codes: 0 fine, 1 the query failed, 2 wrong usage. */
const WRONG_USAGE = 2;

export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('skein')
    .description('Distributed SQL on DuckDB: run statements, or the processes of a cluster.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(skein --help shows what there is)');
  program.addCommand(sqlCommand());
  program.addCommand(serveCommand());
  for (const role of ['coordinator', 'worker', 'gateway'] as const)
    program.addCommand(roleCommand(role));
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync(argv.map(keepFromOptions));
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
  // Handles of libraries that are still open must not keep an ended command alive.
  process.exit();
}

/** SQL may begin with a comment, which looks like an option; white space before it changes nothing in SQL. */
function keepFromOptions(argument: string): string {
  return /^--[^\s=]*\s/.test(argument) ? `\n${argument}` : argument;
}

function exitCodeOf(error: unknown): number {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  if (error instanceof EngineError) {
    process.stderr.write(`${error.code}: ${error.message}\n`);
    return error.code.startsWith('INVALID_') ? WRONG_USAGE : 1;
  }
  throw error;
}

function sqlCommand(): Command {
  return new Command('sql')
    .description(
      'Run SQL: a statement, a script from a file or standard input, or an interactive shell.',
    )
    .argument('[statement]', 'SQL; - reads standard input; without it the shell is interactive')
    .option('-f, --file <file>', 'read the script from a file')
    .option('--server <host:port>', 'gateway of a running cluster, instead of an embedded one')
    .option('--tls-ca <file>', 'PEM certificates that the server must be signed by; turns TLS on')
    .option('--tls-cert <file>', 'PEM certificate to show the server (mutual TLS)')
    .option('--tls-key <file>', 'PEM key of the certificate')
    .addOption(catalogOption())
    .addOption(
      new Option('--workers <n>', 'workers of the embedded cluster')
        .argParser(workerCount)
        .default(2),
    )
    .addOption(new Option('--format <format>', 'how results are shown').choices(FORMAT_NAMES))
    .addOption(setOption())
    .addOption(logLevelOption('silent'))
    .action(async (statement: string | undefined, options: SqlFlags) => {
      const { runSqlCommand } = await import('./sql/sql-command.ts');
      process.exitCode = await runSqlCommand({ statement, ...options });
    });
}

function serveCommand(): Command {
  return new Command('serve')
    .description('Run a whole cluster in one process tree on this machine.')
    .addOption(catalogOption())
    .addOption(
      new Option('--port <n>', 'gRPC port of the gateway; 0 picks free ports')
        .argParser(wholeNumber)
        .default(7440),
    )
    .addOption(new Option('--workers <n>', 'worker processes').argParser(wholeNumber).default(2))
    .addOption(setOption())
    .addOption(logLevelOption('info'))
    .action(async (options: ServeFlags) => {
      const { runServeCommand } = await import('./serve/serve-command.ts');
      process.exitCode = await runServeCommand(options);
    });
}

function roleCommand(role: Exclude<Role, 'planner'>): Command {
  const keys = Object.entries(CONFIG_KEYS)
    .filter(([, key]) => key.roles.includes(role))
    .map(([name, key]) => `  --${name.replaceAll('_', '-')} <value>\n      ${key.doc}`);
  return new Command(role)
    .description(`Run one ${role}, supervised by a small parent process that restarts it.`)
    .option('--config <file>', 'YAML file of configuration keys')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      `\nConfiguration keys, also as SKEIN_… and in the file:\n${keys.join('\n')}`,
    )
    .action(async (_options: object, command: Command) => {
      const { runRoleCommand } = await import('./serve/role-command.ts');
      const config = command.opts<{ config?: string }>().config;
      const argv = [...(config === undefined ? [] : ['--config', config]), ...command.args];
      process.exitCode = await runRoleCommand(role, argv);
    });
}

export interface SqlFlags {
  readonly file?: string;
  readonly server?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly catalog: readonly string[];
  readonly workers: number;
  readonly format?: (typeof FORMAT_NAMES)[number];
  readonly set: Readonly<Record<string, string>>;
  readonly logLevel: string;
}

export interface ServeFlags {
  readonly catalog: readonly string[];
  readonly port: number;
  readonly workers: number;
  readonly set: Readonly<Record<string, string>>;
  readonly logLevel: string;
}

function catalogOption(): Option {
  return new Option(
    '--catalog <dir>',
    'directory of tables: DIR is the default catalog, NAME=DIR adds one; repeatable',
  )
    .argParser((value: string, previous: readonly string[]) => [...previous, value])
    .default([], 'the TPC-H sample');
}

function setOption(): Option {
  return new Option('--set <property=value>', 'default of a session property; repeatable')
    .argParser((value: string, previous: Readonly<Record<string, string>>) => {
      const at = value.indexOf('=');
      if (at < 1) throw new InvalidArgumentError('It is property=value.');
      return { ...previous, [value.slice(0, at)]: value.slice(at + 1) };
    })
    .default({}, 'none');
}

function logLevelOption(defaultLevel: string): Option {
  return new Option('--log-level <level>', 'least level of the log on standard error')
    .choices(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default(defaultLevel);
}

function workerCount(text: string): number {
  const count = wholeNumber(text);
  if (count === 0) throw new InvalidArgumentError('A cluster has at least one worker.');
  return count;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}
