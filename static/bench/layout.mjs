/**
 * [rows][columns] to [columns][rows].
 * @param {Uint8Array} x
 * @param {number} rows
 * @param {number} columns
 */
export function transposed(x, rows, columns) {
  const made = new Uint8Array(x.length);
  for (let i = 0; i < rows; i += 1) for (let j = 0; j < columns; j += 1) made[j * rows + i] = x[i * columns + j];
  return made;
}
