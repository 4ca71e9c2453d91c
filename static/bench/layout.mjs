/** [rows][columns] to [columns][rows]. */
export function transposed(x, rows, columns) {
  const made = new x.constructor(x.length);
  for (let i = 0; i < rows; i += 1) for (let j = 0; j < columns; j += 1) made[j * rows + i] = x[i * columns + j];
  return made;
}
