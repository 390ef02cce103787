/** esbuild puts imported styles into a file of its own. */
declare module '*.css';
