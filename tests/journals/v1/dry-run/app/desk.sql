CREATE TABLE notes (text TEXT NOT NULL);
INSERT INTO notes (text) VALUES ('a');
