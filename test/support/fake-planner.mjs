// A planner process for tests: serves PlannerService with a fixed answer, and misbehaves as the statement says.
// Plain JavaScript, since it runs from the sources. Arguments: --planner-listen=ADDRESS and --answer=BASE64, the
// encoded PlanResponse (or --catalog=BASE64).
import grpc from '@grpc/grpc-js';

const argument = (name) =>
  process.argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '';
const address = argument('planner-listen');
const answer = Buffer.from(argument('answer') || argument('catalog'), 'base64');

if (argument('mode') === 'misconfigured' || argument('catalog') === 'misconfigured') {
  process.stderr.write('INVALID_CONFIGURATION: no such catalog directory\n');
  process.exit(2);
}

if (argument('mode') === 'broken') process.exit(5);

const hoard = [];

/** The request is not decoded: the words that a statement is made of stand in its bytes. */
function plan(call) {
  const text = call.request.toString('latin1');
  if (text.includes('hang')) return;
  if (text.includes('crash')) process.exit(7);
  if (text.includes('grow')) {
    setInterval(() => hoard.push(Buffer.alloc(32 << 20, 1)), 1);
    return;
  }
  const delayMs = text.includes('slow') ? 100 : 0;
  setTimeout(() => {
    call.write(answer);
    call.end();
  }, delayMs);
}

const bytes = (value) => value;
const server = new grpc.Server();
server.addService(
  {
    plan: {
      path: '/skein.internal.v1.PlannerService/Plan',
      requestStream: false,
      responseStream: true,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  },
  { plan },
);
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), () => {
  process.stdout.write(`${JSON.stringify({ ready: true, role: 'planner', address })}\n`);
});
process.stdin.once('end', () => process.exit(0)).resume();
process.once('SIGTERM', () => process.exit(0));
