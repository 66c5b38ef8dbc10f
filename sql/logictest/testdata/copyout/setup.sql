-- Rows of every stored type: usual values, NULLs, extremes, and text that each format must quote.
CREATE TABLE ct (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(10,2), t text, vc varchar(10), c char(5), by bytea, d date, ti time, ts timestamp, tz timestamptz, iv interval, u uuid);
INSERT INTO ct VALUES
 (true, 1, 2, 3, 1.5, 2.25, 123.456, 1.5, 'plain', 'vc', 'ab', '\x00ff10', '2024-02-29', '12:34:56.789', '2024-01-01 00:00:00.000001', '2024-01-01 00:00:00+02', '1 year 2 mons 3 days 04:05:06.7', '0b5c1a52-6a0e-4a3e-9b7c-000000000001'),
 (null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null),
 (false, -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', 'NaN', -0.01, '', '', '', '', 'infinity', '00:00', '-infinity', 'infinity', '-1 day', '00000000-0000-0000-0000-000000000000'),
 (false, 32767, 2147483647, 9223372036854775807, 'Infinity', 1e300, -1e30, 99999999.99, E'tab\there\nnl\\bs "q" ,comma', 'x''y', 'a b', '\x5c2c22', '0001-01-01 BC', '24:00:00', '4713-01-01 BC', '290000-12-31 23:59:59.999999+00', '-1 year -2 mons +3 days -04:05:06', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
 (true, 0, 0, 0, 0, -0.0, 0, 0, '\N', '\.', 'NULL', '\x', '1970-01-01', '23:59:59.999999', '1970-01-01', '1970-01-01', '0', '11111111-1111-1111-1111-111111111111');
