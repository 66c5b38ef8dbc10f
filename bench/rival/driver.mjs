// Runs one embedded database for the benchmark: one JSON command per line in, one JSON answer per line out.
// Usage: node driver.mjs duckdb|clickhouse DIRECTORY THREADS
import { createInterface } from 'node:readline';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const [name, dir, threads] = process.argv.slice(2);
mkdirSync(dir, { recursive: true });

async function duckdb() {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(join(dir, 'bench.duckdb'), { threads });
  const connection = await instance.connect();
  return async (sql) => {
    const start = process.hrtime.bigint();
    const reader = await connection.runAndReadAll(sql);
    const micros = Number(process.hrtime.bigint() - start) / 1e3;
    return { micros, rows: reader.getRowsJson().map((row) => row.map(text)) };
  };
}

async function clickhouse() {
  const { Session } = await import('chdb');
  const session = new Session(dir);
  session.query(`SET max_threads = ${threads}`);
  session.query(`SET max_insert_threads = ${threads}`);
  session.query('SET join_use_nulls = 1'); // what an outer join lacks is NULL in SQL
  return async (sql) => {
    const start = process.hrtime.bigint();
    const out = session.query(sql, 'JSONCompactStringsEachRow');
    const micros = Number(process.hrtime.bigint() - start) / 1e3;
    const lines = String(out ?? '').split('\n').filter((line) => line !== '');
    return { micros, rows: lines.map((line) => JSON.parse(line).map(text)) };
  };
}

// Integers arrive as strings, doubles as numbers: an exponent marks a double that looks like an integer but is not exact.
function text(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return value.toExponential(16);
  return String(value);
}

const run = await (name === 'duckdb' ? duckdb() : clickhouse());
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await run(JSON.parse(line).sql);
  } catch (e) {
    answer = { error: String(e.message ?? e), rows: [], micros: 0 };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
process.exit(0);
