/** The console: a page that the gateway serves, and that calls the gateway like any other client. */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/parts.css';
import './style/lists.css';
import { askCaller } from './api/caller.ts';
import { App } from './shell/app.tsx';
import { followTheme } from './shell/theme.ts';

followTheme();
void askCaller();
const root = document.getElementById('console');
if (root) render(<App />, root);
