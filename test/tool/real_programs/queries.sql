PRAGMA cache_size = 2000;
CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, age INTEGER, city TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @rows@)
INSERT INTO people SELECT i, 'name' || (i * 7919 % 100003), i * 31 % 97, 'city' || (i % 211) FROM n;
CREATE INDEX by_city ON people(city, age);
SELECT city, count(*), avg(age), group_concat(substr(name, 1, 3)) FROM people WHERE id % 100 = 0 GROUP BY city
ORDER BY 2 DESC, 1 LIMIT 20;
SELECT count(DISTINCT name) FROM people;
SELECT a.city, count(*) FROM people a JOIN people b ON a.city = b.city AND a.age = b.age AND a.id < b.id
WHERE a.id < 3000 GROUP BY a.city ORDER BY 1 LIMIT 10;
UPDATE people SET name = name || age WHERE id % 3 = 0;
DELETE FROM people WHERE id % 7 = 0;
SELECT count(*), sum(length(name)) FROM people;
